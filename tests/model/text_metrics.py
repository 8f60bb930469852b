"""Scores of others for what text-metrics.test.ts asks: text_metrics.py QUESTIONS ANSWERS, both JSON.

"letters" in the answers: every code point that this Python's tables know, with its tokens and lower-case form.
"""
import json, os, sys, unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "vectors"))
sys.dont_write_bytecode = True
import text_metrics_reference as ref

asked = json.load(open(sys.argv[1], encoding="utf-8"))
points = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs")]
around = [f"a{c}b 1{c}2 {c} a{c}1{c}" for c in points]
json.dump(
    {
        "versions": ref.VERSIONS,
        "bleu": [ref.bleu(*rest) for rest in asked["bleu"]],
        "chrf": [ref.chrf(*rest) for rest in asked["chrf"]],
        "tokenised": ref.tokenised(asked["lines"]),
        "letters": [[c, *cut, ref.squad(line + f" {c}the{c} the{c}x", "")[0]] for c, cut, line in zip(points, ref.tokenised(around), around)],
        "rouge": [ref.rouge(*pair) for pair in asked["pairs"]],
        "squad": [ref.squad(*pair) for pair in asked["pairs"]],
        "triviaqa": [ref.triviaqa(a) for a, _ in asked["pairs"]],
        "coqa": [ref.coqa(*pair) for pair in asked["answers"]],
        "quac": [ref.quac(*pair) for pair in asked["answers"]],
        "drop": [ref.drop(*pair) for pair in asked["drop"]],
        "numbers": [ref.number(text) for text in asked["numbers"]],
        "labels": [ref.labels(*pair) for pair in asked["labels"]],
        "correlations": [ref.correlations(*pair) for pair in asked["correlations"]],
    },
    open(sys.argv[2], "w"),
)
