#!/usr/bin/env python3
"""Reference token ids of adversarial texts, by Hugging Face's tokenizers (Rust) on GPT-2's tokenizer.json. Its added
tokens are left out, so that text which spells a special token is ordinary text.

npx tsx tests/vectors/write-adversarial.ts FILE && python tests/vectors/make_gpt2_tokens.py FILE TOKENIZER_JSON > tests/vectors/gpt2-tokens.json
"""
import hashlib, json, sys
import tokenizers

BLOCK = 100
texts = json.load(open(sys.argv[1], encoding="utf-8"))
spec = json.load(open(sys.argv[2], encoding="utf-8"))
spec["added_tokens"] = []
tokenizer = tokenizers.Tokenizer.from_str(json.dumps(spec))


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


ids = [e.ids for e in tokenizer.encode_batch(texts["texts"], add_special_tokens=False)]
blocks = range(0, len(ids), BLOCK)
out = {
    "tokenizers": tokenizers.__version__,
    "count": len(ids),
    "block": BLOCK,
    # Over the texts themselves: where this differs, the generator has changed, not the tokenizer.
    "texts": digest(texts["texts"]),
    "hard": [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids} for t in texts["hard"]],
    "ids": [digest(json.dumps(x, separators=(",", ":")) for x in ids[i : i + BLOCK]) for i in blocks],
}
lines = lambda rows: "[\n  " + ",\n  ".join(json.dumps(r) for r in rows) + "\n ]"
print("{\n" + ",\n".join(f" {json.dumps(k)}: " + (lines(v) if isinstance(v, list) else json.dumps(v)) for k, v in out.items()) + "\n}")
