"""lm-eval's own task code on local files, for lm-eval-tasks.test.ts.

lm_eval_tasks.py JOB ANSWER

JOB: {"checkpoint": folder, "data": folders, "tasks": [{"task": lm-eval's name, "docs": [id...], "shots": {"5": [[id...]...]}}]}
Prompts, requests, scores and metrics come from lm-eval: only its data sets and its draw of shots are replaced, by the
local files and by the shots that the job names.
"""
import json, os, re, sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
sys.dont_write_bytecode = True
import bz2, csv, gzip, tarfile, time, warnings

warnings.filterwarnings("ignore")
import datasets
import pyarrow.parquet as pq
import torch

# Threads that wait for each other take longer than such a small model.
torch.set_num_threads(1)
from transformers.data.metrics import squad_metrics

JOB = json.load(open(sys.argv[1]))


def at(path):
    """In the first of the folders that has it."""
    return next(p for p in (os.path.join(folder, path) for folder in JOB["data"]) if os.path.exists(p))


def lines(path):
    with open(at(path), encoding="utf-8", newline="\n") as f:
        return [(str(i), line.rstrip("\n").rstrip("\r")) for i, line in enumerate(f, 1) if line.strip()]


def jsonl(path):
    return [(i, json.loads(line)) for i, line in lines(path)]


# A loader gives documents by evalgpt's ids, with the columns that lm-eval's data set has.

def lambada(path):
    return lambda: {i: {"text": json.loads(t)["text"] if path.endswith("jsonl") else t} for i, t in lines(path)}


def anli(n, split):
    def load():
        return {d["uid"]: {"uid": d["uid"], "premise": d["context"], "hypothesis": d["hypothesis"],
                           "label": "enc".index(d["label"]), "reason": ""} for _, d in jsonl(f"anli/R{n}/{split}.jsonl")}
    return load


def superglue(folder, split, labels):
    def load():
        out = {}
        for _, d in jsonl(f"superglue/{folder}/{split}.jsonl"):
            label = d["label"]
            out[str(d["idx"])] = {**d, "label": labels.index(label) if labels else int(label)}
        return out
    return load


def multirc(split):
    def load():
        out = {}
        for _, d in jsonl(f"superglue/MultiRC/{split}.jsonl"):
            for q in d["passage"]["questions"]:
                for a in q["answers"]:
                    out[str(a["idx"])] = {"paragraph": d["passage"]["text"], "question": q["question"], "answer": a["text"],
                                          "label": a["label"], "idx": {"paragraph": d["idx"], "question": q["idx"], "answer": a["idx"]}}
        return out
    return load


def wnli(split):
    def load():
        rows = [t.split("\t") for _, t in lines(f"wnli/{split}.tsv")]
        head = rows[0]
        docs = [dict(zip(head, r)) for r in rows[1:]]
        return {d["index"]: {"sentence1": d["sentence1"], "sentence2": d["sentence2"], "label": int(d["label"]), "idx": int(d["index"])} for d in docs}
    return load


def plain(path):
    def load():
        if not path.endswith(".gz"):
            return dict(jsonl(path))
        with gzip.open(at(path), "rt", encoding="utf-8") as f:
            return {str(i): json.loads(line) for i, line in enumerate(f, 1)}
    return load


def race(prefix):
    """A document an article, under the id of its last question; problems as a Python literal, as on the hub."""
    def load():
        out = {}
        with tarfile.open(at("race/RACE-dev-test.tar.gz")) as tar:
            for member in tar:
                if member.isfile() and member.name.startswith(prefix):
                    d = json.load(tar.extractfile(member))
                    problems = [{"question": q, "answer": a, "options": o} for q, a, o in zip(d["questions"], d["answers"], d["options"])]
                    out[f"{d['id']}:{len(problems)}"] = {"article": d["article"], "problems": repr(problems)}
        return out
    return load


def squad():
    out = {}
    for article in json.load(open(at("squad/dev-v2.0.from-explorer.json")))["data"]:
        for p in article["paragraphs"]:
            for q in p["qas"]:
                out[q["id"]] = {"id": q["id"], "title": article["title"], "context": p["context"], "question": q["question"],
                                "answers": {"text": [a["text"] for a in q["answers"]], "answer_start": [a["answer_start"] for a in q["answers"]]}}
    return out


def wmt(a, b):
    def load():
        def segments(path):
            return {i: m.group(1).strip() for i, t in lines(path) if (m := re.search(r'<seg id="[^"]*">(.*?)</seg>', t))}
        source = segments(f"wmt14/newstest2014-fren-src.{a}.sgm")
        target = segments(f"wmt14/newstest2014-fren-ref.{b}.sgm")
        assert len(source) == len(target) == 3003
        return {i: {"translation": {a: s, b: t}} for (i, s), t in zip(source.items(), target.values())}
    return load


def hellaswag():
    """Six lines an item; what stands behind the last whole sentence of a film's scene is the second context."""
    with bz2.open(at("hellaswag/hellaswag_val_full.txt.bz2"), "rt", encoding="utf-8", newline="\n") as f:
        rows = f.read().split("\n")
    out = {}
    for i in range(0, len(rows) - 5, 6):
        activity, scene = rows[i].split(": ", 1)
        m = re.fullmatch(r"(.*[.!?\"'”)]) ([^.!?]*[^.!?\"'”)])", scene, re.S)
        a, b = m.groups() if m else (scene, "")
        out[str(i + 1)] = {"activity_label": activity, "ctx_a": a, "ctx_b": b, "endings": rows[i + 2:i + 6], "label": rows[i + 1]}
    return out


def piqa():
    labels = [t for _, t in lines("piqa/valid-labels.lst")]
    return {i: {**d, "label": int(label)} for (i, d), label in zip(jsonl("piqa/valid.jsonl"), labels)}


def arc(which):
    def load():
        return {i: {"question": d["query"].removeprefix("Question: "), "answerKey": "ABCDE"[d["gold"]],
                    "choices": {"text": d["choices"], "label": list("ABCDE"[:len(d["choices"])])}} for i, d in jsonl(f"arc/arc_{which}.jsonl")}
    return load


def openbookqa(split):
    def load():
        rows = [t.split("\t") for _, t in lines(f"openbookqa/{split}.tsv")][1:]
        out = {}
        for i, stem, choices, _, key in rows:
            texts = [t.strip() for t in re.fullmatch(r"\(A\)(.*)\(B\)(.*)\(C\)(.*)\(D\)(.*)", choices).groups()]
            out[i] = {"question_stem": stem, "choices": {"text": texts, "label": list("ABCD")}, "answerKey": key}
        return out
    return load


def by(key, path):
    return lambda: {str(d[key]): d for _, d in jsonl(path)}


def wsc273():
    out = {}
    for i, d in jsonl("winograd/winograd_wsc.jsonl"):
        a, b = d["context_options"]
        start = os.path.commonprefix([a, b]).rfind(" ") + 1
        # The published texts have no space before a full stop.
        gap = "" if d["continuation"][0] in ".,;:!?" else " "
        out[i] = {"text": f"{a[:start]}@@{gap}{d['continuation']}", "pronoun": "@@", "pronoun_loc": start, "quote": "", "quote_loc": 0,
                  "options": [a[start:], b[start:]], "label": d["gold"]}
    return out


def wsc(split):
    """wsc.fixed: a span that the text writes otherwise is written as there."""
    def load():
        out = {}
        for _, d in jsonl(f"superglue/WSC/{split}.jsonl"):
            doc = {"text": d["text"], **d["target"], "label": int(d["label"])}
            for k in ("span1", "span2"):
                span = doc[k + "_text"]
                if span not in doc["text"]:
                    there = doc["text"].split()[doc[k + "_index"]]
                    span = (span[0].lower() if there[0].islower() else span[0].upper()) + span[1:]
                    doc[k + "_text"] = span.rstrip(".").replace("\n", " ")
            out[str(d["idx"])] = doc
        return out
    return load


def record(split):
    def load():
        out = {}
        for _, d in jsonl(f"superglue/ReCoRD/{split}.jsonl"):
            text = d["passage"]["text"]
            names = [text[e["start"]:e["end"] + 1] for e in d["passage"]["entities"]]
            for q in d["qas"]:
                out[str(q["idx"])] = {"passage": text, "query": q["query"], "entities": names, "answers": [a["text"] for a in q["answers"]]}
        return out
    return load


def table(path, ids, names=None):
    """Tab-separated rows by one of their columns, or by their lines."""
    def load():
        rows = [(i, t.split("\t")) for i, t in lines(path)]
        head = names or rows.pop(0)[1]
        docs = [(i, dict(zip(head, r))) for i, r in rows]
        return {d[ids] if ids else i: d for i, d in docs}
    return load


def relabelled(load, label, **columns):
    return lambda: {i: {**{new: d[old] for new, old in columns.items()}, "label": label(d)} for i, d in load().items()}


def sst2():
    return {i: {"sentence": t[2:], "label": int(t[0])} for i, t in lines("sst2/stsa.binary.dev")}


def mrpc(split):
    def cell(t):
        return t[1:-1].replace('""', '"') if re.fullmatch('".*"', t, re.S) else t
    load = table(f"mrpc/{split}.tsv", None)
    return lambda: {i: {"sentence1": cell(d["sentence1"]), "sentence2": cell(d["sentence2"]), "label": int(d["label"])} for i, d in load().items()}


def webqs():
    docs = json.load(open(at("webquestions/test.json"), encoding="utf-8"))
    return {str(i): {"question": d["qText"], "answers": d["answers"]} for i, d in enumerate(docs, 1)}


def rows_of(path):
    return pq.read_table(at(path)).to_pylist()


def triviaqa():
    rows = rows_of("triviaqa/rc.nocontext/validation-00000-of-00001.parquet")
    return {f"{i}:{d['question_id']}": {"question": d["question"], "answer": d["answer"]} for i, d in enumerate(rows, 1)}


def mmlu(subject, split):
    rows = lambda: enumerate(rows_of(f"mmlu/{split}-00000-of-00001.parquet"), 1)
    return lambda: {str(i): d for i, d in rows() if d["subject"] == subject}


def storycloze(path):
    def load():
        with open(at(path), encoding="utf-8", newline="") as f:
            return {r["InputStoryid"]: {**{f"input_sentence_{n}": r[f"InputSentence{n}"] for n in range(1, 5)},
                                        **{f"sentence_quiz{n}": r[f"RandomFifthSentenceQuiz{n}"] for n in (1, 2)},
                                        "answer_right_ending": int(r["AnswerRightEnding"])} for r in csv.DictReader(f)}
    return load


def same(doc):
    return int(doc["is_duplicate"])


def entails(doc):
    return ["entailment", "not_entailment"].index(doc["label"])


COLA = ["source", "label", "mark", "sentence"]
cola = lambda file: relabelled(table(f"cola/{file}.tsv", None, COLA), lambda d: int(d["label"]), sentence="sentence")
qqp = lambda split: relabelled(table(f"qqp/{split}.tsv", "id"), same, question1="question1", question2="question2")
qnli = lambda split: relabelled(table(f"qnli/{split}.tsv", "index"), entails, question="question", sentence="sentence")
CLOZE = "storycloze/cloze_test_"

OPENAI, STANDARD, DEV = (lambada(f"lambada/lambada_{n}") for n in ("test.jsonl", "test_plain_text.txt", "development_plain_text.txt"))
RTE, CB = ["entailment", "not_entailment"], ["entailment", "contradiction", "neutral"]
ARITHMETIC = {"2da": "two_digit_addition", "2ds": "two_digit_subtraction", "3da": "three_digit_addition", "3ds": "three_digit_subtraction",
              "4da": "four_digit_addition", "4ds": "four_digit_subtraction", "5da": "five_digit_addition", "5ds": "five_digit_subtraction",
              "2dm": "two_digit_multiplication", "1dc": "single_digit_three_ops"}
SCRAMBLE = {"anagrams1": "mid_word_1_anagrams", "anagrams2": "mid_word_2_anagrams", "cycle_letters": "cycle_letters_in_word",
            "random_insertion": "random_insertion_in_word", "reversed_words": "reversed_words"}

#: lm-eval's task: documents that are scored, and those that shots come from.
LOADERS = {
    "lambada_openai": (OPENAI, OPENAI),
    "lambada_standard": (STANDARD, DEV),
    "lambada_openai_cloze_yaml": (OPENAI, OPENAI),
    "lambada_standard_cloze_yaml": (STANDARD, DEV),
    **{f"anli_r{n}": (anli(n, "test"), anli(n, "dev")) for n in (1, 2, 3)},
    "sglue_rte": (superglue("RTE", "val", RTE), superglue("RTE", "train", RTE)),
    "cb": (superglue("CB", "val", CB), superglue("CB", "train", CB)),
    "boolq": (superglue("BoolQ", "val", None), superglue("BoolQ", "val", None)),
    "wnli": (wnli("dev"), wnli("train")),
    "multirc": (multirc("val"), multirc("train")),
    "race": (race("RACE/test/high/"), race("RACE/dev/high/")),
    **{f"arithmetic_{k}": (plain(f"gpt3_arithmetic/{v}.jsonl"),) * 2 for k, v in ARITHMETIC.items()},
    **{k: (plain(f"gpt3_scramble/{v}.jsonl.gz"),) * 2 for k, v in SCRAMBLE.items()},
    "squadv2": (squad, squad),
    "hellaswag": (hellaswag, hellaswag),
    "piqa": (piqa, piqa),
    "arc_easy": (arc("easy"),) * 2,
    "arc_challenge": (arc("challenge"),) * 2,
    "openbookqa": (openbookqa("test"), openbookqa("train")),
    "winogrande": (by("qID", "winogrande/dev.jsonl"),) * 2,
    "wsc273": (wsc273, wsc273),
    "copa": (by("idx", "superglue/COPA/val.jsonl"), by("idx", "superglue/COPA/train.jsonl")),
    "wic": (superglue("WiC", "val", None), superglue("WiC", "train", None)),
    "wsc": (wsc("val"), wsc("train")),
    "record": (record("val"), record("train")),
    "cola": (cola("dev"), cola("in_domain_train")),
    "sst2": (sst2, sst2),
    "mrpc": (mrpc("validation"), mrpc("train")),
    "qqp": (qqp("dev"), qqp("train")),
    "qnli": (qnli("dev"), qnli("train")),
    "nq_open": (plain("nq_open/NQ-open.dev.jsonl"),) * 2,
    "webqs": (webqs, webqs),
    "triviaqa": (triviaqa, triviaqa),
    "gsm8k": (plain("gsm8k/test.jsonl"), plain("gsm8k/train.jsonl")),
    "storycloze_2016": (storycloze(CLOZE + "test__spring2016 - cloze_test_ALL_test.csv"), storycloze(CLOZE + "val__spring2016 - cloze_test_ALL_val.csv")),
    "storycloze_2018": (storycloze(CLOZE + "val__winter2018-cloze_test_ALL_val - 1 - 1.csv"),) * 2,
    **{f"mmlu_{s}": (mmlu(s, "test"), mmlu(s, "dev")) for s in ("abstract_algebra", "high_school_us_history", "virology")},
    "wmt14-fr-en": (wmt("fr", "en"),) * 2,
    "wmt14-en-fr": (wmt("en", "fr"),) * 2,
}

current = []


def load_dataset(*args, **kwargs):
    split = datasets.Dataset.from_list(current)
    names = ["train", "validation", "test", "dev"] + [f"{s}_r{n}" for s in ("train", "dev", "test") for n in (1, 2, 3)]
    return datasets.DatasetDict({name: split for name in names})


datasets.load_dataset = load_dataset
datasets.disable_progress_bars()
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager, get_task_dict

manager = TaskManager()


def squad_metrics_of(doc, text):
    """squad_v2 of the evaluate library with its default threshold, which no probability exceeds."""
    golds = [t for t in doc["answers"]["text"] if squad_metrics.normalize_answer(t)] or [""]
    return {"exact": max(squad_metrics.compute_exact(g, text) for g in golds), "f1": max(squad_metrics.compute_f1(g, text) for g in golds)}


def run(job, lm):
    global current
    name = job["task"]
    scored, pool = (load() for load in LOADERS[name])
    current = [scored[i] for i in job["docs"]]
    task = get_task_dict([name], manager)[name]
    docs = list(task.eval_docs)

    def processed(ids):
        rows = datasets.Dataset.from_list([pool[i] for i in ids])
        return list(task.config.process_docs(rows) if getattr(task.config, "process_docs", None) else rows)

    answers = {}
    for k in ["0", *job["shots"]]:
        instances = []
        for n, doc in enumerate(docs):
            if k != "0":
                shots = processed(job["shots"][k][n])
                task.sampler.sample = lambda n, *a, shots=shots, **kw: shots[:n]
            context = task.fewshot_context(doc, num_fewshot=int(k))
            made = task.construct_requests(doc=doc, ctx=context, metadata=(name, n, 1))
            instances.append(made if isinstance(made, list) else [made])
        flat = [inst for made in instances for inst in made]
        for kind in ("loglikelihood", "generate_until"):
            of_kind = [inst for inst in flat if inst.request_type == kind]
            if of_kind:
                # All logits of a batch are held at once where likelihoods are asked.
                lm.batch_size_per_gpu = 1 if kind == "loglikelihood" else 25
                for inst, result in zip(of_kind, getattr(lm, kind)(of_kind, disable_tqdm=True)):
                    inst.resps = [result]
        for flt in task._filters:
            flt.apply(flat)
        per_doc, collected = [], {}
        for doc, made in zip(docs, instances):
            results = [inst.resps[0] for inst in made]
            if name == "squadv2":
                metrics = squad_metrics_of(doc, results[0])
            elif len(task._filters) == 1:
                metrics = task.process_results(doc, [inst.filtered_resps[task._filters[0].name] for inst in made])
            else:
                metrics = {f"{key} {flt.name}": value for flt in task._filters
                           for key, value in task.process_results(doc, [inst.filtered_resps[flt.name] for inst in made]).items()}
            for key, value in metrics.items():
                collected.setdefault(key, []).append(value)
            per_doc.append({
                "requests": [list(inst.args[:2]) if inst.request_type == "loglikelihood" else [inst.args[0], inst.args[1]] for inst in made],
                "results": [list(r) if isinstance(r, tuple) else r for r in results],
            })
        aggregation = {} if name == "squadv2" else task.aggregation()
        overall = {}
        for key, values in collected.items():
            if key in ("ter",):
                continue
            overall[key] = float(aggregation[key](values)) if key in aggregation else sum(values) / len(values)
        answers[k] = {"docs": per_doc, "metrics": overall}
    return answers


lm = HFLM(pretrained=JOB["checkpoint"], device="cpu", dtype="float32")
# A continuation's logits stand at the end of its window: all others would only take time and memory. HFLM counts
# from the end by itself where a model returns fewer than it was given.
lm._model_call = torch.inference_mode()(lambda inps, **kw: lm.model(inps, logits_to_keep=256).logits)
answers = {}
for job in JOB["tasks"]:
    began = time.time()
    answers[job["task"]] = run(job, lm)
    print(f"lm-eval: {job['task']} {time.time() - began:.0f} s", file=sys.stderr)
with open(sys.argv[2], "w") as out:
    json.dump(answers, out)
