#!/usr/bin/env bash
# A small run of lm-eval 0.4.13 as it writes it, on the bundled random model and sentences of our own, for
# tests/lm-eval. Needs Python with lm-eval; makes no request. What it says of the machine is taken out.
#
# tests/vectors/make_lm_eval.sh PYTHON
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
cp -r "$here/../../datasets/demo/random-tiny" "$work/model"
cd "$work"
mkdir tasks
cat > choice.jsonl <<'END'
{"q": "The key was in the drawer. Where was the key? In the", "choices": ["drawer", "garden"], "gold": 0}
{"q": "The boat lay on the lake. Where was the boat? On the", "choices": ["roof", "lake"], "gold": 1}
{"q": "Anna sat by the fire. Where did Anna sit? By the", "choices": ["fire", "sea"], "gold": 0}
{"q": "The bread is in the oven. Where is the bread? In the", "choices": ["box", "oven"], "gold": 1}
END
cat > word.jsonl <<'END'
{"text": "The old clock on the wall had stopped"}
{"text": "In the morning the whole street was white with snow"}
{"text": "He closed the book and put it back"}
END
cat > sums.jsonl <<'END'
{"q": "2 plus 2 is", "a": "4"}
{"q": "3 plus 4 is", "a": "7"}
END
cat > pages.jsonl <<'END'
{"page": "The ferry left at seven.\n It was late."}
{"page": "Nobody had seen the map."}
END
task() {
  printf 'task: %s\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: %s.jsonl\ntest_split: test\n' "$1" "$2"
  cat
}
task own_choice choice > tasks/choice.yaml <<'END'
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{gold}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
metadata: {version: 1.0}
END
task own_word word > tasks/word.yaml <<'END'
output_type: loglikelihood
doc_to_text: "{{text.split(' ')[:-1]|join(' ')}}"
doc_to_target: "{{' '+text.split(' ')[-1]}}"
metric_list: [{metric: perplexity, aggregation: perplexity, higher_is_better: false}, {metric: acc, aggregation: mean, higher_is_better: true}]
metadata: {version: 2.0}
END
task own_sums sums > tasks/sums.yaml <<'END'
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
generation_kwargs: {until: ["\n"], max_gen_toks: 6, do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
metadata: {version: 0.0}
END
task own_pages pages > tasks/pages.yaml <<'END'
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{page}}"
metric_list: [{metric: word_perplexity}, {metric: byte_perplexity}, {metric: bits_per_byte}]
metadata: {version: 1.0}
END
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 HF_HOME="$work/hub"
"$1" - > log 2>&1 <<'END'
# What `lm_eval --log_samples --output_path out` does, without the bootstrap of standard errors.
from lm_eval import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager
tracker = EvaluationTracker(output_path="out")
results = simple_evaluate("hf", model_args="pretrained=model,dtype=float32", device="cpu", num_fewshot=0, bootstrap_iters=0, log_samples=True,
    tasks=["own_choice", "own_word", "own_sums", "own_pages"], task_manager=TaskManager(include_path="tasks"), evaluation_tracker=tracker)
samples = results.pop("samples")
tracker.save_results_aggregated(results=results, samples=samples)
for task in results["configs"]:
    tracker.save_results_samples(task_name=task, samples=samples[task])
END
rm -rf "$here/lm-eval"
mkdir "$here/lm-eval"
for file in out/*/*; do
  name=$(basename "$file" | sed -E 's/_[0-9T.-]+\.json/_2026-01-01T00-00-00.000000.json/')
  cp "$file" "$here/lm-eval/$name"
done
"$1" - "$here/lm-eval/results_2026-01-01T00-00-00.000000.json" <<'END'
import json, sys
path = sys.argv[1]
found = json.load(open(path))
for key in ("pretty_env_info", "date", "start_time", "end_time", "total_evaluation_time_seconds"):
    found.pop(key, None)
json.dump(found, open(path, "w"), indent=1)
END
rm -rf "$work"
