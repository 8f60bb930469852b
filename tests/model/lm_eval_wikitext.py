"""What lm-eval 0.4.13 says of WikiText-2: lm_eval_wikitext.py CHECKPOINT TEXT ANSWER

Its own detokeniser, rolling windows, word and byte counts and aggregations, on the articles of a local file; beside them
the perplexity of a token, and of a word and line end of the file, from the same log-likelihoods.
"""
import json, math, os, sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
import torch

torch.set_num_threads(1)
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import bits_per_byte, weighted_perplexity
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.wikitext.preprocess_wikitext import process_results, wikitext_detokenizer

checkpoint, path, answer = sys.argv[1:]
file = open(path, encoding="utf-8", newline="\n").read()
# The data set's own reader cuts at headings of the first level; with its line end each begins a page.
pages, lines = [], []
for line in file.split("\n"):
    marks = line.replace("= = =", "===").replace("= =", "==").strip()
    if marks.startswith("= ") and marks.endswith(" =") and lines:
        pages.append("\n".join(lines))
        lines = []
    lines.append(line)
pages = [page for page in [*pages, "\n".join(lines)] if page.strip()]
docs = [{"page": page} for page in pages]
texts = [wikitext_detokenizer(doc) for doc in docs]
# Where a tokenizer begins texts itself, lm-eval would score that token behind another of its kind.
lm = HFLM(pretrained=checkpoint, device="cpu", dtype="float32", batch_size=8, add_bos_token=False)
requests = [Instance("loglikelihood_rolling", doc, (text,), i) for i, (doc, text) in enumerate(zip(docs, texts))]
results = lm.loglikelihood_rolling(requests, disable_tqdm=True)
per_doc = [process_results(doc, (result,)) for doc, result in zip(docs, results)]
total = sum(results)
characters = sum(len(page) for page in pages)
json.dump({
    "logprobs": results,
    "metrics": {
        "ppl_word": weighted_perplexity([d["word_perplexity"] for d in per_doc]),
        "ppl_byte": weighted_perplexity([d["byte_perplexity"] for d in per_doc]),
        "bpb": bits_per_byte([d["bits_per_byte"] for d in per_doc]),
        "ppl_token": math.exp(-total / sum(len(lm.tok_encode(text)) for text in texts)),
        "bpc": -total / characters / math.log(2),
    },
    # Of the whole file: what the papers' word-level models were measured on.
    "ppl_word_and_line_end": math.exp(-total / (len(file.split()) + file.count("\n"))),
}, open(answer, "w"))
