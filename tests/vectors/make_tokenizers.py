#!/usr/bin/env python3
"""Tiny tokenizers of every family, trained on the text below, and the reference's token ids of adversarial texts.

npx tsx tests/vectors/write-adversarial.ts FILE && python tests/vectors/make_tokenizers.py FILE > tests/vectors/tokenizers.json
"""
import json, random, sys
import tokenizers
from tokenizer_families import FAMILIES, TEXTS, token_ids

TRAINING = """The lamp on the harbour wall was lit before the boats came in, and the children counted them: one, two, three, 12, 1234.
They didn't know that the fourth wouldn't come; it's said the keeper knew, and that he'd told nobody. "We'll wait," she said.
A naïve café owner sold crème brûlée for 3.50 € each; Σίσυφος wrote привет мир, 漢字かな交じり文, नमस्ते, مرحبا and 한국어 on the slate.
    for i in range(10):
        print(i, "the lamp", i ** 2)   # the keeper's own count

The boats, the boats! The harbour lamp was lit again, and the keeper counted them: ten, eleven, twelve. 😀👍🏽
"""
drawn = json.load(open(sys.argv[1], encoding="utf-8"))
short = [text for text in drawn["texts"][:400] if len(text) < 50][:85]
texts = drawn["hard"] + TEXTS + short
families = {}
for name, (train, config, tokenizer_config) in FAMILIES.items():
    tokenizer = train([TRAINING] * 3, 420)
    plain, special = token_ids(tokenizer, texts)
    draw = random.Random(name)
    size = tokenizer.get_vocab_size()
    ids = [[draw.randrange(size) for _ in range(draw.randrange(1, 8))] for _ in range(40)]
    families[name] = {
        "config": config,
        "tokenizer_config": tokenizer_config,
        "tokenizer": json.loads(tokenizer.to_str()),
        "ids": plain,
        # Only those that differ: index of the text, and its ids.
        "special": [[i, ids] for i, ids in enumerate(special) if ids != plain[i]],
        "decoded": [[list_, tokenizer.decode(list_, skip_special_tokens=False)] for list_ in ids],
    }
dump = lambda value: json.dumps(value, separators=(",", ":"))
lines = lambda rows: ",\n".join(rows)
print('{"tokenizers":' + dump(tokenizers.__version__) + ',\n"texts":[\n' + lines(map(dump, texts)) + '],\n"families":{')
print(lines(dump(name) + ":{\n" + lines(dump(key) + ":" + dump(value) for key, value in family.items()) + "}" for name, family in families.items()) + "}}")
