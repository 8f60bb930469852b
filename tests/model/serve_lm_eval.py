"""lm-eval's own client of completions APIs on a server, for serve.test.ts.

serve_lm_eval.py URL NAME TOKENIZER JOB.json OUT.json

JOB: {"pairs": [[context, continuation]], "prompts": [text], "until": [text], "max_gen_toks": n, "settings": [{...}]}.
OUT: for each of the settings {"scores": [[logprob, greedy]], "texts": [text]}.
"""
import importlib.util, json, os, sys, types

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
sys.dont_write_bytecode = True
url, name, tokenizer, job, out = sys.argv[1:]

if importlib.util.find_spec("tenacity") is None:
    # lm-eval wraps its calls in tenacity's retries. Where that is not installed they are made once: nothing here fails.
    stand_in = types.ModuleType("tenacity")
    stand_in.__spec__ = importlib.util.spec_from_loader("tenacity", loader=None)
    stand_in.RetryError = type("RetryError", (Exception,), {})
    stand_in.retry = lambda **_: lambda call: call
    stand_in.stop_after_attempt = stand_in.wait_exponential = lambda *_, **__: None
    sys.modules["tenacity"] = stand_in
    print("tenacity: a stand-in", file=sys.stderr)

from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalCompletionsAPI

with open(job) as file:
    job = json.load(file)


def instances(kind, arguments):
    return [Instance(request_type=kind, doc={}, arguments=args, idx=i) for i, args in enumerate(arguments)]


answers = []
for setting in job["settings"]:
    lm = LocalCompletionsAPI(model=name, base_url=f"{url}/v1/completions", tokenizer=tokenizer,
                             tokenizer_backend="huggingface", max_length=1024, max_retries=1, **setting)
    scores = lm.loglikelihood(instances("loglikelihood", [tuple(pair) for pair in job["pairs"]]), disable_tqdm=True)
    gen = {"until": job["until"], "max_gen_toks": job["max_gen_toks"], "temperature": 0}
    texts = lm.generate_until(instances("generate_until", [(text, gen) for text in job["prompts"]]), disable_tqdm=True)
    answers.append({"scores": [[float(l), bool(g)] for l, g in scores], "texts": texts})
with open(out, "w") as file:
    json.dump(answers, file)
