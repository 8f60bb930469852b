#!/usr/bin/env python3
"""Exports a causal language model of transformers to ONNX under the names that optimum and transformers.js use.

python tests/vectors/export_onnx.py CHECKPOINT KIND FILE.onnx
KIND: plain (logits only), first (keys and values come out), past (they go in and come out), merged (first and past
in one file, switched by use_cache_branch). "-fp16" behind a kind makes weights, keys, values and logits float16.
"""
import os, sys, tempfile
import onnx, torch, transformers
from onnx import TensorProto, helper

class Step(torch.nn.Module):
    def __init__(self, model, past, present):
        super().__init__()
        self.model, self.past, self.present = model, past, present

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = transformers.DynamicCache()
        for i in range(len(past) // 2):
            cache.update(past[2 * i], past[2 * i + 1], i)
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
                         past_key_values=cache, use_cache=True)
        if not self.present:
            return out.logits
        return (out.logits, *(t for layer in out.past_key_values.layers for t in (layer.keys, layer.values)))

def load(checkpoint, half=False):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        checkpoint, dtype=torch.float16 if half else torch.float32, attn_implementation="eager")
    return model.eval()

def export(model, kind, path, opset=17):
    past, present = kind == "past", kind != "plain"
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    batch, new, known = 2, 3, 4 if past else 0
    args = [torch.ones(batch, new, dtype=torch.long), torch.ones(batch, known + new, dtype=torch.long),
            torch.arange(known, known + new)[None].repeat(batch, 1)]
    inputs, outputs = ["input_ids", "attention_mask", "position_ids"], ["logits"]
    axes = {"input_ids": {0: "batch_size", 1: "sequence_length"}, "logits": {0: "batch_size", 1: "sequence_length"},
            "attention_mask": {0: "batch_size", 1: "total_sequence_length"},
            "position_ids": {0: "batch_size", 1: "sequence_length"}}
    for i in range(config.num_hidden_layers if present else 0):
        for part in ("key", "value"):
            if past:
                inputs.append(f"past_key_values.{i}.{part}")
                args.append(torch.zeros(batch, heads, known, size, dtype=model.dtype))
                axes[inputs[-1]] = {0: "batch_size", 2: "past_sequence_length"}
            outputs.append(f"present.{i}.{part}")
            axes[outputs[-1]] = {0: "batch_size", 2: "total_sequence_length"}
    with torch.no_grad():
        torch.onnx.export(Step(model, past, present).eval(), tuple(args), path, input_names=inputs, output_names=outputs,
                          dynamic_axes=axes, opset_version=opset, dynamo=False)

def merge(first, past, path):
    """One If whose branches are the two graphs; weights of the same bytes are stored once, outside the branches."""
    branches, shared = [], {}
    for label, file in (("past", past), ("first", first)):
        graph = onnx.load(file).graph
        weights = {}
        for tensor in graph.initializer:
            key = (tensor.data_type, tuple(tensor.dims), tensor.raw_data)
            weights[tensor.name] = shared.setdefault(key, f"shared.{len(shared)}")
        outer = {i.name for i in graph.input}
        names = lambda n: n if n == "" or n in outer else weights.get(n, f"{label}/{n}")
        for node in graph.node:
            node.name = ""
            node.input[:] = [names(n) for n in node.input]
            node.output[:] = [names(n) for n in node.output]
        results = [helper.make_empty_tensor_value_info(names(o.name)) for o in graph.output]
        for made, old in zip(results, graph.output):
            made.type.tensor_type.elem_type = old.type.tensor_type.elem_type
        branches.append(helper.make_graph(graph.node, label, [], results))
    model = onnx.load(past)
    node = helper.make_node("If", ["use_cache_branch"], [o.name for o in model.graph.output],
                            then_branch=branches[0], else_branch=branches[1])
    tensors = [TensorProto(name=name, data_type=t, dims=d, raw_data=raw) for (t, d, raw), name in shared.items()]
    switch = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    graph = helper.make_graph([node], "merged", [*model.graph.input, switch], model.graph.output, tensors)
    onnx.save(helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version), path)

def run(checkpoint, kind, path):
    kind, _, half = kind.partition("-")
    model = load(checkpoint, half == "fp16")
    if kind != "merged":
        return export(model, kind, path)
    with tempfile.TemporaryDirectory() as folder:
        parts = [os.path.join(folder, f"{k}.onnx") for k in ("first", "past")]
        for part, name in zip(parts, ("first", "past")):
            export(model, name, part)
        merge(*parts, path)

if __name__ == "__main__":
    run(*sys.argv[1:4])
