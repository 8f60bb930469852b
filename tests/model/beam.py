#!/usr/bin/env python3
"""transformers' own beam search of width 4.

beam.py JOBS OUTPUT     each job is a case of tests/model/beam.test.ts; of each request the tokens written and the score
"""
import json, os, sys
import torch

# Threads that wait for each other take longer than such small models.
torch.set_num_threads(1)
import transformers
from tokenizers import Tokenizer
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList


class Gnmt(float):
    """As a length penalty, the other form: transformers says `length ** penalty`."""
    def __rpow__(self, length):
        return ((5 + length) / 6) ** float(self)


class Strings(StoppingCriteria):
    def __init__(self, tokenizer, strings, start):
        self.tokenizer, self.strings, self.start = tokenizer, strings, start

    def __call__(self, ids, scores, **_):
        texts = [self.tokenizer.decode(row[self.start:].tolist()) for row in ids]
        return torch.tensor([any(s in text for s in self.strings) for text in texts])


def search(model, tokenizer, case, ids, most):
    ends = case["endTokens"] or None
    penalty = case["alpha"] if case["penalty"] == "length" else Gnmt(case["alpha"])
    config = GenerationConfig(num_beams=case["width"], length_penalty=penalty, early_stopping=case["earlyStopping"],
                              max_new_tokens=most, eos_token_id=ends, pad_token_id=0, do_sample=False,
                              return_dict_in_generate=True, output_scores=True)
    model.generation_config.eos_token_id = ends
    prompt = torch.tensor([ids])
    stops = [Strings(tokenizer, case["stop"], len(ids))] if case["stop"] else []
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=config,
                         stopping_criteria=StoppingCriteriaList(stops))
    return {"tokens": out.sequences[0, len(ids):].tolist(), "score": out.sequences_scores[0].item()}


answers = []
for job in json.load(open(sys.argv[1])):
    model = transformers.AutoModelForCausalLM.from_pretrained(job["folder"], dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(os.path.join(job["folder"], "tokenizer.json"))
    with torch.no_grad():
        answers.append([[search(model, tokenizer, case, ids, most) for ids, most in job["requests"]]
                        for case in job["cases"]])
json.dump(answers, open(sys.argv[2], "w"))
