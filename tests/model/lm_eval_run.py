"""A run of lm-eval on a file of choices, for check.test.ts: what `lm_eval --log_samples --output_path OUT` writes.

lm_eval_run.py CHECKPOINT ITEMS.jsonl OUT
"""
import os, sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
sys.dont_write_bytecode = True
import torch

torch.set_num_threads(1)
from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker

checkpoint, items, out = sys.argv[1:]
task = {
    "task": "own_stories",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": items}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{context}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{answer}}",
    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    "metadata": {"version": 1.0},
}
tracker = EvaluationTracker(output_path=out)
results = simple_evaluate("hf", model_args=f"pretrained={checkpoint},dtype=float32", tasks=[task], num_fewshot=0, device="cpu",
                          batch_size=8, bootstrap_iters=0, log_samples=True, evaluation_tracker=tracker)
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
for name in results["configs"]:
    tracker.save_results_samples(task_name=name, samples=samples[name])
print("ok")
