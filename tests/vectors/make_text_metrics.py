"""Constructed sentences and answers with what others compute of them; see text_metrics_reference.py beside this file.

python tests/vectors/make_text_metrics.py > tests/vectors/text-metrics.json
"""
import json, os, sys

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True
import text_metrics_reference as ref

LINES = [
    "",
    " ",
    "Plain words and nothing else",
    "The shop sold 1,234.5 kg of nails, 3.14 m of rope, and a hat.",
    "In 2014. In 2014.",
    "It ended in 1999.",
    "Prices: $5, €7.50, £3–£4, 20%, ¥1,000; ½ off; №5 ™ © §2",
    '"Well," she said, \'it\'s John\'s; they\'ll don\'t O\'Brien’s “quoted” «cité» ‹so› „so“',
    "&quot;Tom &amp; Jerry&quot; &lt;b&gt; &apos;x&apos; &amp;lt; &nbsp; AT&T",
    "<skipped>one<skipped> two<skipped>three",
    "hyphen-ated 10-year 5-4 a-1 1-a -- — – ‑ ‒ −5 trailing-",
    "broken-\nword and a\nline",
    "tab\there  two  spaces   three ",
    "no\u00a0break 1\u202f000 thin\u2009space ideographic\u3000space zero\u200bwidth bom\ufeff nel\x85x unit\x1fsep",
    "trailing spaces and nbsp \u00a0\t ",
    "end . Already , tokenised ? Yes ! ( so ) [ it ] { is }",
    "a.b .c d. ...e f..g 1.2.3 4.,5 .6 7, ,8 9:30 and/or x_y ~z` ^ | \\ @ # *",
    "我在 2014 年去了北京,花了1,000元。真的吗?「是」",
    "日本語の文章です。カタカナ・ひらがな、句読点!",
    "مرحبا بالعالم، كيف الحال؟ ١٬٢٣٤٫٥ و ٣.١٤",
    "नमस्ते दुनिया। क्या हाल है? १,२३४.५ ॥",
    "สวัสดี ๑,๒๓๔ บาท ฿5",
    "emoji 😀👍🏽👨‍👩‍👧 ❤️ 🇩🇪 1️⃣ #️⃣ ☃.",
    "cafe\u0301 nai\u0308ve o\u0302\u0323 re\u0301sume\u0301, x\u0338=y",
    "STRASSE Straße ẞ ΟΔΟΣ ὈΔΥΣΣΕΎΣ İstanbul ıI ǅ ﬁ Å",
    "x² + y³ ≤ ½π² ⅷ Ⅷ ① ⑳ 𝟘𝟙 𝒳.𝔘,",
    "x²,y ½. ⅷ; ①: 五、 ٣٫٥ x²,5 Ⅷ.5 5,½ 5.①",
    "+=<>^`|~ ¬±×÷ ← ∑ ∞ ° ¨ ´ ¸ ˆ ˜",
    "¿Qué? ¡Sí! l'été, aujourd'hui: 5 €; 10 %",
    "Он сказал: «Да», — и ушёл… 1 000 руб. т.е. №",
    "\ue000 \U0010fffd \u0378 soft\u00adhyphen \u200eltr\u200f",
]

REFERENCES = [
    "The cat sat on the mat, and the dog lay by the door.",
    "He paid $1,250.50 for it on 3 May 1999.",
    "She said: \"We'll see what tomorrow brings.\"",
    "Die Straße führt über 10 km bergauf – durch den Wald.",
    "我在 2014 年去了北京。",
    "one two three four five six",
    "short",
    "An empty answer follows",
    "",
    "नमस्ते दुनिया। क्या हाल है?",
]
OTHERS = [
    "A cat was sitting on the mat and a dog was lying at the door.",
    "On 3 May 1999 he bought it for $ 1,250.50.",
    '"Let us see what tomorrow brings," she said.',
    "Die Strasse geht 10 km weit durch den Wald bergauf.",
    "2014年,我去北京了。",
    "one two three four",
    "",
    "Nothing follows here but words",
    "no reference was here",
    "नमस्ते!",
]
HYPOTHESES = [
    "The cat sat on a mat and the the dog lay at the door.",
    "He paid $1250.50 for it on May 3, 1999.",
    "\"We'll see what tomorrow brings\", she said.",
    "Die Straße führt 10 km bergauf - durch den Wald .",
    "我 2014 年去北京了。",
    "one two three four five",
    "short",
    "",
    "words without a reference",
    "नमस्ते दुनिया! क्या हाल",
]
NOWHERE = ["completely", "different tokens", "appear here only"]
SETS = {
    "one reference": (HYPOTHESES, [REFERENCES]),
    "two references": (HYPOTHESES, [REFERENCES, OTHERS]),
    "reference itself": (REFERENCES, [REFERENCES]),
    "longer than the reference": ([h + " and then some more words" for h in HYPOTHESES], [REFERENCES]),
    "nothing in common": (NOWHERE, [REFERENCES[:3]]),
    "bigrams at most": (["the cat ran", "the dog slept"], [["the cat sat down", "a dog slept here"]]),
    "shorter than four words": (["the cat", "on"], [["the cat", "on"]]),
    "nothing written": (["", " "], [["the cat", "sat"]]),
    "nothing on either side": ([""], [[""]]),
    "once in each reference": (["the the the cat sat"], [["the cat sat"], ["the dog sat there"]]),
    "nearest lengths tie": (["a b c d e"], [["a b c d x y z"], ["a b q"]]),
}

ANSWERS = [
    ("", ""), ("", "x"), ("x", ""), ("the", "a"), ("...", ""), ("The Cat!", "cat"), ("a cat's hat", "cats hat"),
    ("the the cat cat", "cat"), ("cat cat dog", "dog cat bird"), ("U.S.A.", "usa"), ("an-other", "another"),
    ("the_end", "end"), ("theend", "end"), ("naïve", "naive"), ("a\u0301 b", "b"), ("“quoted” the", "quoted"),
    ("1,000", "1000"), ("  two\u00a0\twords\x1f", "two words"), ("ΟΔΟΣ the", "οδος"), ("İ", "i\u0307"), ("the年", "年"),
    ("a, an; the.", "."), ("東京 the 東京", "東京"), ("unanswerable", ""), ("\u200bthe\u200b", "the"), ("Straße", "STRASSE"),
]
MANY = [
    ("yes", ["yes"]), ("yes", ["Yes.", "no"]), ("yes", ["yes", "yes", "no"]), ("no", ["yes", "yes", "no"]),
    ("the white cat", ["white", "a white cat", "cat, white", "dog"]), ("", ["", "the", "x"]), ("", ["x"]), ("x", ["", ""]),
    ("unknown", ["unknown", "unknown", "in the barn", "barn"]), ("in a barn", ["barn", "in the barn", "in a big barn"]),
]
QUAC = MANY + [
    ("CANNOTANSWER", ["CANNOTANSWER"]), ("cannotanswer", ["CANNOTANSWER"]), ("CANNOTANSWER.", ["CANNOTANSWER"]),
    ("CANNOTANSWER", ["CANNOTANSWER", "a barn"]), ("a barn", ["CANNOTANSWER", "a barn"]),
    ("a barn", ["CANNOTANSWER", "barn", "old barn"]), ("CANNOTANSWER", ["CANNOTANSWER", "barn", "old barn"]),
    ("old barn", ["a barn", "house", "a tent"]), ("the", ["a", "an"]), ("x", ["the", "x"]),
]
DROP = [
    ("5", [["5"]]), ("5.0", [["5"]]), ("5", [["6"]]), ("$5", [["5"]]), ("5%", [["5 percent"]]), ("1,000", [["1000"]]),
    ("5.5", [["55"]]), ("five", [["5"]]), ("1e3", [["1000"]]), ("1_000", [["1000"]]), ("٣", [["3"]]), ("𝟝", [["5"]]),
    ("inf", [["infinity"]]), ("nan", [["NaN"]]), ("1e400", [["inf"]]), ("12345678901234567890", [["12345678901234567168"]]),
    ("0.00001", [["1e-05"]]), ("-5", [["5"]]), ("5 yards", [["5-yard"]]), ("3 field goals", [["4 field goals"]]),
    ("3 field goals", [["field goals"]]), ("field goals", [["3 field goals"]]), ("the 5th of May", [["5 May 1999"]]),
    ("5 May 1999", [["3 May 1999"], ["5 May 1999"]]), ("Tom, Dick", [["Tom", "Dick"]]), (["Tom", "Dick"], [["Dick", "Tom"]]),
    (["Tom", "Tom"], [["Tom", "Dick"]]), (["Tom", "Dick", "Harry"], [["Tom Jones", "Dick"]]), (["Tom"], [["Tom", "Tom"]]),
    (["red cat", "red dog", "cat"], [["cat", "red cat dog", "red"]]), (["a b c", "b c d"], [["b c", "a b c d", "d"]]),
    ("", [["5"]]), ("", [[""]]), ("the", [["the"]]), ("the", [["a"]]), ("x", [["", "x"], ["y"]]), ("x", [[" "], ["x y z"]]),
    ("a\tb", [["a b"]]), ("5\n6", [["5 6"]]), ("5\n", [["5"]]), ("$5\u00a0", [["5"]]), ("hyphen-ated words", [["hyphen ated words"]]),
    ("+5", [["5"]]), (".5", [["0.5"]]), ("5.", [["5"]]), ("...", [["5"]]), ("1.2.3", [["123"]]), ("1e5_0", [["1e50"]]), ("1__0", [["10"]]),
    (list("bcdefghi"), [["b", *"klmnopq"]]), (list("bcdefghi"), [[*"bcd", *"klmno"]]),
    # A mean of 0.475, or just below it when added one by one.
    (list("bcdefghi"), [["b j", "c k l m", "d", "e n o p", "q", "g r", "h s", "t"]]), ("one two three", [["one two", "three four"]]), (["x"] * 9, [["x", "x y", "x y z"] * 3]),
]
NUMBERS = [
    "5", "-0", "1e16", "1e15", "123456789012345678", "0.0001", "0.00001", "1e-7", "1.5e300", "1e999", "-1e999", "inf", "-Infinity",
    "nan", "-nan", "+nan", "1_0", "_1", "1_", "1__0", "1._5", "1.5_5", "1e+5", "1e", "e5", ".", ".5", "5.", "+.5e-3", "0x10", "1,0",
    " 5 ", "5\u3000", "٣٫٥", "٣.٥", "१२", "𝟘𝟡", "𝟙𝟚𝟛", "²", "½", "Ⅷ", "一", "", " ", "5 6", "infinit", "1e٣", "٠", "９９", "1.7976931348623159e308",
    "1234567.891", "100", "0.1", "4.35", "1e22", "12e-6",
]
TRIVIA = ["", "The Rock'n'Roll_Hall", "‘a’ ´the´ `an`", "U.S.A.", "“curly”", "an_apple a-day", "  x\u00a0y ", "İΣ Σ", "the_the"]
LABELS = [
    ([1, 0, 1, 1, 0, 0, 1], [1, 0, 0, 1, 1, 0, 1]), ([1, 1, 1], [1, 0, 1]), ([0, 0], [0, 0]), ([1, 0], [0, 1]), ([0, 0, 1], [1, 1, 1]),
    ([1, 1, 0, 0], [1, 1, 0, 0]), ([0, 1] * 50, [0, 0, 1, 1] * 25), ([1] * 9 + [0] * 91, [1] * 7 + [0] * 89 + [1] * 4),
]
NUMBER_LISTS = [
    ([1, 2, 3], [2, 4, 7]), ([1, 2, 3, 4], [4, 3, 2, 1]), ([0, 5, 5, 1, 2.5], [1, 4.8, 5, 0, 0]), ([1, 1, 2, 2, 3], [5, 5, 4, 4, 4]),
    ([1e9 + v for v in (1, 2, 4, 3)], [0.1, 0.3, 0.2, 0.4]), ([3, 3, 3], [1, 2, 3]), ([0.1] * 7, [1, 2, 3, 4, 5, 6, 7]), ([1, 2], [5, 3]),
    ([-2.5, 0, 1e-3, 4, 4, 4, 9], [1, 1, 0, 2, 3, 3, -1]),
]

out = {
    "versions": ref.VERSIONS,
    "tokenised": [[line, *cut] for line, cut in zip(LINES, ref.tokenised(LINES))],
    "bleu": [
        {"name": f"{name}, {tokenizer}, {smoothing}", "hypotheses": hyps, "references": refs, "tokenizer": tokenizer,
         "smoothing": smoothing, **ref.bleu(hyps, refs, tokenizer, smoothing)}
        for name, (hyps, refs) in {**SETS, "lines": (LINES[1:], [LINES[:-1]])}.items()
        for tokenizer, smoothing in (("13a", "exp"), ("intl", "exp"), ("none", "none"))
    ],
    "chrf": [
        {"name": name, "hypotheses": hyps, "references": refs, **ref.chrf(hyps, refs)}
        for name, (hyps, refs) in {**SETS, "lines": (LINES[1:], [LINES[:-1]])}.items()
    ],
    "rouge": [
        [a, b, *ref.rouge(a, b)]
        for a, b in [*zip(REFERENCES, HYPOTHESES), *zip(LINES, LINES[1:]), ("a b c d", "d c b a"), ("a\nb a", "b\na b a"), ("K", "k"),
                     ("the cat sat\nthe dog ran", "the cat dog"), ("a b\nb c\nc a", "c a b\nb"),
                     *(("\n".join(REFERENCES[i : i + n]), "\n".join([*HYPOTHESES[i + 1 : i + n], HYPOTHESES[i]])) for i, n in ((0, 3), (2, 4), (1, 6)))]
    ],
    "squad": [[p, g, *ref.squad(p, g)] for p, g in ANSWERS],
    "coqa": [[p, g, *ref.coqa(p, g)] for p, g in MANY],
    "quac": [[p, g, *ref.quac(p, g)] for p, g in QUAC],
    "drop": [[p, g, *ref.drop(p, g)] for p, g in DROP],
    "numbers": [[text, ref.number(text)] for text in NUMBERS],
    "triviaqa": [[text, ref.triviaqa(text)] for text in TRIVIA],
    "labels": [[p, g, *ref.labels(p, g)] for p, g in LABELS],
    "correlations": [[x, y, *ref.correlations(x, y)] for x, y in NUMBER_LISTS],
}
print("{\n" + ",\n".join(
    f" {json.dumps(k)}: " + (json.dumps(v) if isinstance(v, dict) else "[\n  " + ",\n  ".join(json.dumps(x, ensure_ascii=True) for x in v) + "\n ]")
    for k, v in out.items()) + "\n}")
