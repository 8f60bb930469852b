"""Files in the official formats from those that are here, for lm-eval-tasks.test.ts: lm_eval_data.py DATA OUT"""
import json, os, sys

import pyarrow as pa
import pyarrow.parquet as pq

data, out = sys.argv[1:]


def place(path):
    full = os.path.join(out, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


# GLUE's validation split of CoLA is both development sets.
with open(place("cola/dev.tsv"), "wb") as f:
    for part in ("in_domain_dev", "out_of_domain_dev"):
        f.write(open(os.path.join(data, f"cola/{part}.tsv"), "rb").read())

# A part of TriviaQA that another harness publishes as prompts.
rows = [json.loads(line) for line in open(os.path.join(data, "triviaqa/triviaqa_sm_sub.jsonl"), encoding="utf-8")]
answer = pa.struct([("aliases", pa.list_(pa.string())), ("value", pa.string())])
schema = pa.schema([("question", pa.string()), ("question_id", pa.string()), ("answer", answer)])
docs = [{"question": d["context"].removeprefix("Question: ").removesuffix("\nAnswer:"), "question_id": f"q{i}",
         "answer": {"aliases": d["aliases"], "value": d["answer"]}} for i, d in enumerate(rows)]
pq.write_table(pa.Table.from_pylist(docs, schema), place("triviaqa/rc.nocontext/validation-00000-of-00001.parquet"))
