#!/usr/bin/env python3
"""Reference log-probabilities of the tiny checkpoints, by transformers on CPU in float32.

npx tsx tests/vectors/write-tiny-checkpoints.ts DIR && python tests/vectors/make_architectures.py DIR > tests/vectors/architectures.json
"""
import json, os, sys
import torch, transformers

PAIRS = [
    ("The cat sat on the", " mat"), ("", "Once upon a time"), ("two words  ", "trailing"), ("naïve café", " 漢字 😀"),
    ("Q: What is 98 plus 45?\n\nA:", " 143"), ("Q: What is 98 plus 45?\n\nA:", " 144"), ("a", "b"),
    ("x" * 100, "y" * 20), ("shared prefix, then", " one"), ("shared prefix, then", " two"),
]
END = 256

def score(model, window, context, continuation):
    head = context.rstrip(); tail = context[len(head):] + continuation
    before = list(head.encode()) or [END]; scored = list(tail.encode())
    ids = (before + scored)[-(window + 1):]
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]])).logits[0].float()
    lp = torch.log_softmax(logits, -1)[-len(scored):]
    target = torch.tensor(scored)
    return {"context": context, "continuation": continuation, "tokens": scored,
            "logprobs": [round(x, 6) for x in lp.gather(1, target[:, None])[:, 0].tolist()],
            "hits": (lp.argmax(-1) == target).tolist(),
            "top3": lp.topk(3).indices.tolist(),
            "not_e_or_space": lp.index_fill(1, torch.tensor([32, 101]), -1e30).argmax(-1).tolist(),
            "truncated": max(0, len(before) + len(scored) - window - 1)}

PROMPTS = ["The cat sat on the", "x", "Q: What is 98 plus 45?\n\nA:", "shared prefix, then", "shared prefix, then more"]

def continue_greedily(model, text, n=20):
    ids = torch.tensor([list(text.encode())])
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, do_sample=False, pad_token_id=END)
    return {"prompt": text, "tokens": out[0, ids.shape[1]:].tolist()}

out = {"generated": {}, "transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "checkpoints": {}}
for name in sorted(os.listdir(sys.argv[1])):
    model = transformers.AutoModelForCausalLM.from_pretrained(os.path.join(sys.argv[1], name), dtype=torch.float32, attn_implementation='eager').eval()
    out["generated"][name] = [continue_greedily(model, t) for t in PROMPTS]
    out["checkpoints"][name] = [score(model, model.config.max_position_embeddings, c, k) for c, k in PAIRS]
rows = lambda part: "{\n" + ",\n".join(
    f"  {json.dumps(name)}: [\n" + ",\n".join("   " + json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in part[name]) + "]"
    for name in part) + "}"
print("{\n" + ",\n".join(f" {json.dumps(k)}: " + (rows(v) if isinstance(v, dict) else json.dumps(v)) for k, v in out.items()) + "\n}")
