"""Trains the demo checkpoints on the text that generate.ts writes. Needed to make them anew, never to run evalgpt.

    npx tsx datasets/demo/generate.ts /tmp/demo
    python datasets/demo/train.py /tmp/demo/train.jsonl OUT --model tiny

Needs torch, transformers, tokenizers. Writes OUT/MODEL (config.json, model.safetensors in float16, tokenizer.json)
and OUT/MODEL-stepN for `--keep`, and the loss curve OUT/MODEL.csv (step, tokens, seconds, loss in nats a token).
"""

import argparse
import csv
import json
import math
import re
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel

END = "<|endoftext|>"
VOCABULARY = 768
WINDOW = 320
LESSONS, SHORT = 40_000, 64  # documents that only repeat, and what is taken of each
UNTOLD = 0.1  # weight in the loss of a token that nobody could tell: most of an episode is random
SIZES = {  # name: width, layers, heads (few and wide: narrow ones learn to copy much later), peak learning rate
    "tiny": (48, 3, 1, 4e-3),
    "small": (96, 3, 1, 3e-3),
    "medium": (192, 3, 2, 2e-3),
}


def train_tokenizer(texts):
    """Byte-level BPE. The text it learns from has no digits, so that each digit is a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([re.sub(r"\d", "", text) for text in texts], trainer)
    tokenizer.add_special_tokens([END])
    return tokenizer


def encode(tokenizer, docs):
    """Of each document the ids, and which of them can be told from those before."""
    for at in range(0, len(docs), 5000):
        some = docs[at : at + 5000]
        for doc, encoded in zip(some, tokenizer.encode_batch([doc["text"] for doc in some])):
            told = np.zeros(len(doc["text"]) + 1, dtype=np.uint16)
            for begin, end in doc["told"]:
                told[begin:end] = 1
            last = [end - 1 for _, end in encoded.offsets]
            yield encoded.ids, told[last].tolist()


def pack(tokenizer, docs):
    """
    The lessons, [LESSONS, 2, SHORT]: ids, and which can be told, of the beginning of each of the first documents. The
    others, [windows, 2, WINDOW]: windows that begin with a document, filled with further ones, the last of them cut.
    """
    end = tokenizer.token_to_id(END)
    lessons = [(ids[:SHORT], told[:SHORT]) for ids, told in encode(tokenizer, docs[:LESSONS])]
    windows, row, marks = [], [], []
    for ids, told in encode(tokenizer, docs[LESSONS:]):
        row += [*ids, end]
        marks += [*told, 0]
        if len(row) >= WINDOW:
            windows.append((row[:WINDOW], marks[:WINDOW]))
            row, marks = [], []
    return np.array(lessons, dtype=np.uint16), np.array(windows, dtype=np.uint16)


def weighted_loss(model, batch):
    """Mean loss in nats, tokens that cannot be told counting a tenth; and the share of the others that is right."""
    ids, told = batch[:, 0].long(), batch[:, 1, 1:].float()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(ids).logits[:, :-1].float()
    each = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    weights = (UNTOLD + (1 - UNTOLD) * told).flatten()
    right = (logits.argmax(-1) == ids[:, 1:]).float()
    return (each * weights).sum() / weights.sum(), (right * told).sum() / told.sum()


def sinusoids(width, spread):
    """Positions of Vaswani et al. 2017, section 3.5, to start from: heads that look a step back form early."""
    rates = math.pi * torch.exp(torch.arange(0, width, 2) * (-math.log(500) / width))
    angles = torch.arange(WINDOW)[:, None] * rates
    return spread * math.sqrt(2) * torch.cat([angles.sin(), angles.cos()], dim=1)


def save(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    half = GPT2LMHeadModel(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"bos_token": END, "eos_token": END, "tokenizer_class": "GPT2Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", choices=SIZES, required=True)
    parser.add_argument("--tokens", type=float, default=20e6)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1, help="more only pay on cores that nothing else uses")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default="", help="steps whose checkpoints are kept, separated by commas")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)

    cached, packed = args.out / "tokenizer.json", args.out / "windows.npz"
    if not packed.exists():
        with args.text.open() as file:
            docs = [json.loads(line) for line in file]
        train_tokenizer([doc["text"] for doc in docs[-15_000:]]).save(str(cached))
        lessons, windows = pack(Tokenizer.from_file(str(cached)), docs)
        np.savez(packed, lessons=lessons, windows=windows)
        del docs
    tokenizer = Tokenizer.from_file(str(cached))
    lessons, windows = (torch.from_numpy(np.load(packed)[name].astype(np.int16)) for name in ("lessons", "windows"))
    held, windows = windows[-64:], windows[:-64]
    print(f"{len(windows)} windows, {len(windows) * WINDOW} tokens", flush=True)

    width, layers, heads, rate = SIZES[args.model]
    end = tokenizer.token_to_id(END)
    # GPT-2's 0.02 is for a width of 768: narrow models with it stay long on the plateau before they copy.
    spread = 0.7 / math.sqrt(width)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY, n_positions=WINDOW, n_embd=width, n_layer=layers, n_head=heads,
            initializer_range=spread, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=end, eos_token_id=end, use_cache=False,
        )
    )  # fmt: skip
    model.transformer.wpe.weight.data = sinusoids(width, spread)
    parameters = sum(p.numel() for p in model.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    rows = args.batch * WINDOW // SHORT
    batches = [*lessons.split(rows), *windows.split(args.batch)]
    steps = int(args.tokens / (args.batch * WINDOW))
    warmup = min(150, steps // 10)
    keep = {int(step) for step in args.keep.split(",") if step}
    print(f"{args.model}: {parameters} parameters, {steps} steps", flush=True)

    began, mean = time.time(), None
    with (args.out / f"{args.model}.csv").open("w", newline="") as file:
        curve = csv.writer(file)
        curve.writerow(["step", "tokens", "seconds", "train_loss", "held_loss", "held_right"])
        for step in range(1, steps + 1):
            progress = max(0, step - warmup) / (steps - warmup)
            scale = min(1, step / warmup) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            loss, _ = weighted_loss(model, batches[(step - 1) % len(batches)])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
            if step % 200 == 0 or step == steps:
                with torch.no_grad():
                    held_loss, right = (value.item() for value in weighted_loss(model, held))
                seconds = time.time() - began
                row = [step, step * args.batch * WINDOW, f"{seconds:.0f}", f"{mean:.4f}", f"{held_loss:.4f}", f"{right:.3f}"]
                curve.writerow(row)
                file.flush()
                print(*row, f"{step * args.batch * WINDOW / seconds:.0f} tokens/s", flush=True)
            if step in keep:
                save(model, tokenizer, args.out / f"{args.model}-step{step}")
    save(model, tokenizer, args.out / args.model)


main()
