#!/usr/bin/env python3
"""Checkpoints of every architecture by Hugging Face's own code, and its log-probabilities on given token ids.

architectures.py make DIR MAKE_CHECKPOINT_PY     writes DIR/ARCH.DTYPE.(single|sharded)
architectures.py score DIR [CHECKPOINT...]       reads DIR/NAME.ids.json, writes DIR/NAME.scores.json
"""
import json, os, shutil, subprocess, sys
import torch
import transformers as T

# Odd shapes of what make_checkpoint.py knows.
KNOWN = {
    "gpt2": ["n_layer=3", "n_embd=60", "n_head=5", "n_inner=130", "n_positions=257"],
    "openai-gpt": ["n_layer=3", "n_embd=56", "n_head=7", "n_positions=200"],
    "pythia-14m": ["num_hidden_layers=3", "hidden_size=72", "num_attention_heads=3", "intermediate_size=100",
                   "max_position_embeddings=300", "vocab_size=50280"],
    "gpt-neo-tiny": ["num_layers=4", "hidden_size=48", "num_heads=3", "window_size=19", "max_position_embeddings=280"],
    "llama-tiny": ["hidden_size=96", "num_attention_heads=12", "num_key_value_heads=3", "head_dim=8",
                   "intermediate_size=150", "max_position_embeddings=300"],
}
SMALL = dict(vocab_size=50257, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=111, max_position_embeddings=290)
# What it does not.
OTHERS = {
    "mistral": lambda: T.MistralForCausalLM(T.MistralConfig(**SMALL, sliding_window=31)),
    "qwen2": lambda: T.Qwen2ForCausalLM(T.Qwen2Config(**SMALL, tie_word_embeddings=True)),
    "qwen3": lambda: T.Qwen3ForCausalLM(T.Qwen3Config(**SMALL, head_dim=24)),
}
DTYPES = ["float32", "float16", "bfloat16"]


def make(folder, make_checkpoint):
    for name, switches in KNOWN.items():
        base = os.path.join(folder, f"{name}.base")
        subprocess.run([sys.executable, make_checkpoint, name, base, "--seed", "7", "--scale", "4", "--set", *switches],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        save(folder, name, T.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), base)
    for name, build in OTHERS.items():
        torch.manual_seed(7)
        model = build()
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(4) if p.dim() > 1 else p.add_(0.1 * torch.randn_like(p))
        save(folder, name, model, os.path.join(folder, "gpt2.base"))


def save(folder, name, model, base):
    for dtype in DTYPES:
        model = model.to(getattr(torch, dtype))
        for kind, size in [("single", "50GB"), ("sharded", "1MB")]:
            target = os.path.join(folder, f"{name}.{dtype}.{kind}")
            model.save_pretrained(target, max_shard_size=size)
            for file in ["tokenizer.json", "tokenizer_config.json"]:
                shutil.copy(os.path.join(base, file), target)


def score(folder, names):
    for name in names or sorted(f[:-9] for f in os.listdir(folder) if f.endswith(".ids.json")):
        lines = json.load(open(os.path.join(folder, f"{name}.ids.json")))
        model = T.AutoModelForCausalLM.from_pretrained(lines["folder"], dtype=torch.float32,
                                                       attn_implementation="eager").eval()
        out = []
        with torch.no_grad():
            for ids, start in lines["requests"]:
                lp = torch.log_softmax(model(torch.tensor([ids[:-1]])).logits[0].float(), -1)[start - 1:]
                target = torch.tensor(ids[start:])
                out.append([lp.gather(1, target[:, None])[:, 0].tolist(), (lp.argmax(-1) == target).tolist()])
        json.dump(out, open(os.path.join(folder, f"{name}.scores.json"), "w"))


make(*sys.argv[2:]) if sys.argv[1] == "make" else score(sys.argv[2], sys.argv[3:])
