#!/usr/bin/env python3
"""Reference values for the paired tests of src/stats by scipy.

python tests/vectors/make_paired.py > tests/vectors/paired.json
"""
import itertools, json
import numpy as np, scipy
from scipy import optimize, stats

rng = np.random.default_rng(11)
out = {"scipy": scipy.__version__, "numpy": np.__version__}
out["normalCdf"] = [[x, stats.norm.cdf(x)] for x in (-37, -20, -8, -5.01, -4.99, -3, -1.96, -0.5, 0, 1e-3, 0.7, 2.5, 4.9, 5.2, 9)]
out["normalQuantile"] = [[p, stats.norm.ppf(p)] for p in (1e-12, 1e-4, 0.00125, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999)]
out["binomialCdf"] = [[k, n, p, stats.binom.cdf(k, n, p)] for k, n, p in
    [(0, 10, 0.25), (3, 10, 0.25), (9, 10, 0.5), (40, 100, 0.5), (1, 7, 1 / 3), (300, 1000, 0.33)]]
out["mcnemar"] = [[b, c, stats.binomtest(min(b, c), b + c).pvalue] for b, c in
    [(1, 0), (5, 0), (10, 0), (6, 1), (3, 3), (12, 25), (40, 41), (200, 260), (1200, 1190)]]


def sign_flip(sums):
    """All assignments of signs, as scipy counts them for paired samples."""
    found = stats.permutation_test((np.asarray(sums),), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided")
    return float(found.pvalue)


lists = [[1, -1, 2], [0.5, 1.5, 0.25, -0.125], [1, 1, 1, 1, 1, 1], [round(float(v), 3) for v in rng.normal(0.4, 1, 12)], [round(float(v), 3) for v in rng.normal(0.8, 1, 10)]]
out["signFlip"] = [{"sums": s, "p": sign_flip(s)} for s in lists]


def tango(lost, won, n):
    """Tango 1998, equations 10 to 13, by a root finder: where the score meets the normal quantile."""
    z = stats.norm.ppf(0.975)

    def score(d):
        a, b, c = 2 * n, -won - lost + (2 * n - won + lost) * d, -lost * d * (1 - d)
        q = (np.sqrt(b * b - 4 * a * c) - b) / (2 * a)
        return (won - lost - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))

    d = (won - lost) / n
    edge = 1e-9
    return [optimize.brentq(lambda x: score(x) - z, -1 + edge, d - 1e-12), optimize.brentq(lambda x: score(x) + z, d + 1e-12, 1 - edge)]


out["tango"] = [{"lost": b, "won": c, "n": n, "ci95": tango(b, c, n)} for b, c, n in
    [(12, 9, 50), (0, 0, 30), (5, 0, 40), (1, 8, 100), (30, 20, 1000), (2, 2, 10)]]

# R's example of p.adjust and others, stepped down by hand in numpy.
def holm(ps):
    ps = np.asarray(ps); order = np.argsort(ps, kind="stable"); m = len(ps)
    stepped = np.minimum(1, np.maximum.accumulate((m - np.arange(m)) * ps[order]))
    back = np.empty(m); back[order] = stepped
    return back.tolist()


out["holm"] = [{"ps": p, "adjusted": holm(p)} for p in ([0.01, 0.04, 0.03, 0.005], [0.5], [0.9, 0.9], [0.001, 0.2, 0.001, 1.0, 0.04])]
# The normal approximation to McNemar's power: integrated over the distribution of won less lost.
out["power"] = [[psi, d, n, a, float(stats.norm.cdf((abs(d) * np.sqrt(n) - stats.norm.ppf(1 - a / 2) * np.sqrt(psi)) / np.sqrt(psi - d * d)) + stats.norm.cdf((-abs(d) * np.sqrt(n) - stats.norm.ppf(1 - a / 2) * np.sqrt(psi)) / np.sqrt(psi - d * d)))]
    for psi, d, n, a in [(0.1, 0.02, 500, 0.05), (0.2, 0.03, 1000, 0.00125), (0.3, 0.05, 5000, 0.05)]]
print(json.dumps(out, indent=1))
