"""What others compute of texts: sacrebleu, transformers' SQuAD, lm-eval's CoQA and DROP, scikit-learn, scipy.

ROUGE is rouge_score's where it is installed, else its definition written out here. QuAC's and TriviaQA's official
scripts are in no package: their definitions are written out here.
"""
import collections, importlib.metadata, re, string, warnings

import numpy as np
from lm_eval.tasks.coqa.utils import compute_scores
from lm_eval.tasks.drop.utils import get_metrics
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_intl import TokenizerV14International
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef
from transformers.data.metrics import squad_metrics

warnings.filterwarnings("ignore")
try:
    from rouge_score import rouge_scorer
except ImportError:
    rouge_scorer = None

VERSIONS = {p: importlib.metadata.version(p) for p in ("sacrebleu", "regex", "transformers", "lm_eval", "scikit-learn", "scipy")}
VERSIONS["rouge"] = importlib.metadata.version("rouge_score") if rouge_scorer else "its definition"


def tokenised(lines):
    """Each line as sacrebleu tokenises it: cut at the right first."""
    thirteen, international = Tokenizer13a(), TokenizerV14International()
    return [[thirteen(line.rstrip()).split(), international(line.rstrip()).split()] for line in lines]


def bleu(hypotheses, references, tokenizer, smoothing):
    """references: a list of sets, each as long as hypotheses. Counts in our order, and the score of the whole."""
    metric = BLEU(tokenize=tokenizer, smooth_method=smoothing, force=True)
    counts = metric._extract_corpus_statistics(hypotheses, references)
    score = metric.corpus_score(hypotheses, references).score
    signature = str(metric.get_signature()).split("|version")[0]
    return {"counts": [row[2:] + row[:2] for row in counts], "score": score, "signature": signature}


def chrf(hypotheses, references):
    metric = CHRF()
    counts = metric._extract_corpus_statistics(hypotheses, references)
    score = metric.corpus_score(hypotheses, references).score
    return {"counts": counts, "score": score, "signature": str(metric.get_signature()).split("|version")[0]}


def rouge(reference, prediction):
    if rouge_scorer:
        found = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=False).score(reference, prediction)
        return [found[name].fmeasure for name in ("rouge1", "rouge2", "rougeLsum")]
    def tokens(text):
        return re.sub("[^a-z0-9]+", " ", text.lower()).split()

    a, b = tokens(reference), tokens(prediction)

    def f(hits, wanted, found):
        p, r = hits / max(found, 1), hits / max(wanted, 1)
        return 2 * p * r / (p + r) if p + r > 0 else 0.0

    def grams(tokens, n):
        return collections.Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))

    def places(x, y):
        """Places in x of a longest common subsequence with y, as rouge_score walks back through its table."""
        lcs = np.zeros((len(x) + 1, len(y) + 1), int)
        for i, u in enumerate(x):
            for j, v in enumerate(y):
                lcs[i + 1, j + 1] = lcs[i, j] + 1 if u == v else max(lcs[i, j + 1], lcs[i + 1, j])
        i, j, found = len(x), len(y), set()
        while i and j:
            if x[i - 1] == y[j - 1]:
                i, j = i - 1, j - 1
                found.add(i)
            elif lcs[i, j - 1] > lcs[i - 1, j]:
                j -= 1
            else:
                i -= 1
        return found

    # Lin 2004, section 3.2: the union over the prediction's sentences, clipped by how often a word is in either text.
    wanted, said = ([tokens(line) for line in text.split("\n")] for text in (reference, prediction))
    hit = collections.Counter(x[i] for x in wanted for i in set().union(*(places(x, y) for y in said)))
    union = (hit & collections.Counter(a) & collections.Counter(b)).total()
    by_order = [(grams(a, n), grams(b, n)) for n in (1, 2)]
    return [f((x & y).total(), x.total(), y.total()) for x, y in by_order] + [f(union, len(a), len(b))]


def squad(prediction, gold):
    normalised = squad_metrics.normalize_answer(prediction)
    return [normalised, squad_metrics.compute_exact(gold, prediction), squad_metrics.compute_f1(gold, prediction)]


def coqa(prediction, golds):
    scores = compute_scores(golds, prediction)
    return [scores["em"], scores["f1"]]


def quac(prediction, golds):
    none = golds.count("CANNOTANSWER")
    golds = ["CANNOTANSWER"] if none >= len(golds) - none else [g for g in golds if g != "CANNOTANSWER"]

    def f1(a, b):
        if b == "CANNOTANSWER":
            return float(a == b)
        a, b = (collections.Counter(squad_metrics.normalize_answer(x).split()) for x in (a, b))
        same = (a & b).total()
        if same == 0:
            return 0.0
        p, r = same / a.total(), same / b.total()
        return 2 * p * r / (p + r)

    if len(golds) == 1:
        return [f1(prediction, golds[0]), 1.0]
    others = [golds[:i] + golds[i + 1 :] for i in range(len(golds))]
    return [
        sum(max(f1(prediction, g) for g in rest) for rest in others) / len(golds),
        sum(max(f1(gold, g) for g in rest) for gold, rest in zip(golds, others)) / len(golds),
    ]


def drop(prediction, golds):
    scores = [get_metrics(prediction, tuple(gold)) for gold in golds if gold[0].strip()]
    return [float(max((em for em, _ in scores), default=0)), float(max((f1 for _, f1 in scores), default=0))]


def triviaqa(text):
    marks = set(string.punctuation + "‘’´`")
    text = "".join(" " if c in marks else c for c in text.replace("_", " ").lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def number(text):
    """str(float(text)), or None."""
    try:
        return str(float(text))
    except ValueError:
        return None


def labels(predictions, golds):
    return [float(matthews_corrcoef(golds, predictions)), float(f1_score(golds, predictions, zero_division=0))]


def correlations(x, y):
    found = [float(f(x, y).statistic) for f in (stats.pearsonr, stats.spearmanr)]
    return [None if np.isnan(value) else value for value in found]
