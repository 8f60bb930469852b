#!/usr/bin/env python3
"""Tiny ONNX exports of the checkpoint "exported", and what they must say: log-probabilities by transformers for the
float32 ones, by Python's onnxruntime on the very file for float16 and int8, each request by itself.

npx tsx tests/vectors/write-tiny-checkpoints.ts DIR exported && python tests/vectors/make_exports.py DIR/exported tests/vectors/exports
"""
import json, os, sys, tempfile
import numpy as np, onnx, onnxruntime, torch, transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from export_onnx import export, load, merge

checkpoint, target = sys.argv[1:3]
END = 256
PAIRS = [
    ("The cat sat on the", " mat"), ("The cat sat on the", " log, and then"), ("The cat sat on the", " mat too"),
    ("", "Once upon a time"), ("two words  ", "trailing"), ("Q: What is 98 plus 45?\n\nA:", " 143"),
    ("Q: What is 98 plus 45?\n\nA:", " 144"), ("Q: What is 98 plus 44?\n\nA:", " 142"), ("a", "b"), ("a", "c"),
    ("x" * 100, "y" * 20), ("shared prefix, then", " one"), ("shared prefix, then", " two"),
]
PROMPTS = ["The cat sat on the", "x", "Q: What is 98 plus 45?\n\nA:", "shared prefix, then", "shared prefix, then more"]

def smaller(path):
    """Folds constants, as optimum's -O1 does, and drops what only people read."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = path
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path, options)
    model = onnx.load(path)
    del model.graph.value_info[:]
    keep = {v.name for v in [*model.graph.input, *model.graph.output]} | {""}
    short = {}
    rename = lambda n: n if n in keep else short.setdefault(n, f"v{len(short)}")
    for node in model.graph.node:
        node.name, node.doc_string = "", ""
        node.input[:], node.output[:] = [rename(n) for n in node.input], [rename(n) for n in node.output]
    for tensor in model.graph.initializer:
        tensor.name = rename(tensor.name)
    onnx.save(model, path)

def softmax(logits):
    return torch.log_softmax(torch.from_numpy(np.asarray(logits)).float(), -1)

def by_transformers(model):
    def logprobs(ids):
        with torch.no_grad():
            return torch.log_softmax(model(torch.tensor([ids])).logits[0].float(), -1)
    return logprobs

def by_runtime(path):
    session = onnxruntime.InferenceSession(path)
    def logprobs(ids):
        feeds = {}
        for port in session.get_inputs():
            if port.name.startswith("past"):
                kind = np.float16 if "float16" in port.type else np.float32
                feeds[port.name] = np.zeros((1, port.shape[1], 0, port.shape[3]), kind)
        names = {port.name for port in session.get_inputs()}
        whole = {"input_ids": [ids], "attention_mask": [[1] * len(ids)], "position_ids": [list(range(len(ids)))]}
        feeds |= {n: np.array(v, np.int64) for n, v in whole.items() if n in names}
        return softmax(session.run(["logits"], feeds)[0][0])
    return logprobs

def score(logprobs, window, context, continuation):
    head = context.rstrip(); tail = context[len(head):] + continuation
    before = list(head.encode()) or [END]; scored = list(tail.encode())
    ids = (before + scored)[-(window + 1):]
    lp = logprobs(ids[:-1])[-len(scored):]
    target = torch.tensor(scored)
    return {"context": context, "continuation": continuation,
            "logprobs": [round(x, 6) for x in lp.gather(1, target[:, None])[:, 0].tolist()],
            "hits": (lp.argmax(-1) == target).tolist()}

def continue_greedily(logprobs, text, n=16):
    ids = list(text.encode()); start = len(ids)
    while len(ids) < start + n and (len(ids) == start or ids[-1] != END):
        ids.append(int(logprobs(ids)[-1].argmax()))
    return {"prompt": text, "tokens": [i for i in ids[start:] if i != END]}

os.makedirs(target, exist_ok=True)
at = lambda name: os.path.join(target, f"{name}.onnx")
model = load(checkpoint)
with tempfile.TemporaryDirectory() as folder:
    first = os.path.join(folder, "first.onnx")
    for kind, path in (("plain", at("plain")), ("first", first), ("past", at("past"))):
        export(model, kind, path)
        smaller(path)
    merge(first, at("past"), at("merged"))
onnx.save(convert_float_to_float16(onnx.load(at("past"))), at("fp16"))
quantize_dynamic(at("past"), at("int8"), weight_type=QuantType.QInt8)
onnx.save(onnx.load(at("plain")), at("external"), save_as_external_data=True, location="external.onnx_data", size_threshold=256)

said = {}
for name, logprobs in (("fp32", by_transformers(model)), ("fp16", by_runtime(at("fp16"))), ("int8", by_runtime(at("int8")))):
    window = model.config.n_positions
    said[name] = {"scores": [score(logprobs, window, *pair) for pair in PAIRS],
                  "generated": [continue_greedily(logprobs, text) for text in PROMPTS]}
with open(os.path.join(target, "expected.json"), "w") as out:
    json.dump({"transformers": transformers.__version__, "onnxruntime": onnxruntime.__version__, **said}, out, ensure_ascii=False, indent=1)
