#!/usr/bin/env python3
"""Reference values for src/stats by scipy and numpy, and of the random generator by Python's own integers.

python tests/vectors/make_stats.py > tests/vectors/stats.json
"""
import hashlib, json, struct, sys
import numpy as np, scipy
from scipy import special, stats

rng = np.random.default_rng(7)
out = {"scipy": scipy.__version__, "numpy": np.__version__}

out["logGamma"] = [[x, special.gammaln(x)] for x in
    [1e-6, 0.01, 0.3, 0.499, 0.5, 0.75, 1, 1.25, 1.5, 1.999, 2, 2.5, 3.7, 10, 42.5, 171, 999.5, 1e5, 1e6]]
out["incompleteBeta"] = [[a, b, x, special.betainc(a, b, x)]
    for a in (0.5, 1, 2.5, 15, 300, 5000) for b in (0.5, 3, 80) for x in (1e-6, 0.02, 0.37, 0.5, 0.93, 0.9999)]
FREEDOM = [1, 2, 3, 4, 7, 11, 30, 99, 499, 1999, 5152, 100000]
out["tCdf"] = [[t, df, stats.t.cdf(t, df)] for df in FREEDOM for t in (-30, -3.1, -1, -1e-3, 0, 0.4, 1.96, 5.5)]
out["tQuantile"] = [[p, df, stats.t.ppf(p, df)] for df in FREEDOM for p in (0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9995)]


def wilson(k, n):
    ci = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    hits = np.r_[np.ones(k), np.zeros(n - k)]
    return {"k": k, "n": n, "value": k / n, "stderr": None if n == 1 else stats.sem(hits), "ci95": [ci.low, ci.high]}


out["wilson"] = [wilson(k, n) for k, n in [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (3, 7), (37, 40), (500, 1000), (2713, 5153)]]


def plain(values):
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    mean = np.mean(values)
    return {"values": list(values), "value": mean, "stderr": stats.sem(values), "ci95": [mean - half, mean + half]}


def clustered(values, clusters):
    """Least squares on an intercept with the sandwich of Liang and Zeger: bread, meat, bread, times G / (G - 1)."""
    y, X = np.asarray(values), np.ones((len(values), 1))
    bread = np.linalg.inv(X.T @ X)
    e = y - (X @ (bread @ X.T @ y))
    names = sorted(set(clusters))
    meat = sum(np.outer(s, s) for s in (X[[c == g for c in clusters]].T @ e[[c == g for c in clusters]] for g in names))
    G = len(names)
    se = float(np.sqrt((bread @ meat @ bread)[0, 0] * G / (G - 1)))
    low, high = stats.t.interval(0.95, G - 1, loc=y.mean(), scale=se)
    return {"values": list(values), "clusters": list(clusters), "value": y.mean(), "stderr": se, "ci95": [low, high]}


def rounded(n, loc, scale):
    return [round(float(v), 3) for v in rng.normal(loc, scale, n)]


three = [str(i // 3) for i in range(24)]
out["mean"] = [plain(v) for v in ([1.0, 2.0], [0.0, 0.5, 1.0, 1.0], rounded(25, -4, 2), rounded(12, 1e6, 0.5))]
out["clustered"] = [
    clustered(rounded(24, -2, 1), three),
    clustered([float(v) for v in rng.integers(0, 2, 24)], three),
    clustered([round(float(v) + 3 * (i // 3), 3) for i, v in enumerate(rng.normal(0, 0.1, 24))], three),
    clustered(rounded(9, 0, 1), list("aabcbbbca")),
    clustered(rounded(6, 5, 1), list("aaaaab")),
]


def ratio(y, x):
    """Least squares of y on x without an intercept, weighted by 1 / x, with the same sandwich: the slope is sum y / sum x."""
    y, x = np.asarray(y), np.asarray(x)
    bread = 1 / np.sum(x * x / x)
    slope = bread * np.sum(x * y / x)
    scores = (x / x) * (y - slope * x)
    se = float(np.sqrt(bread * np.sum(scores**2) * bread * len(y) / (len(y) - 1)))
    low, high = stats.t.interval(0.95, len(y) - 1, loc=slope, scale=se)
    return {"numerators": list(map(float, y)), "denominators": list(map(float, x)), "value": slope, "stderr": se, "ci95": [low, high]}


out["ratio"] = [
    ratio([-3.0, -8.0], [1.0, 4.0]),
    ratio(rounded(15, -300, 40), [float(n) for n in rng.integers(50, 150, 15)]),
]


def xoshiro128ss(key, n):
    """xoshiro128** 1.1 of Blackman and Vigna; seeded with the first 128 bits of the SHA-256 of the key as JSON."""
    digest = hashlib.sha256(json.dumps(key, separators=(",", ":"), ensure_ascii=False).encode()).digest()
    s = list(struct.unpack("<4I", digest[:16]))
    rotl = lambda x, k: ((x << k) | (x >> (32 - k))) & 0xFFFFFFFF
    for _ in range(n):
        yield rotl(s[1] * 5 & 0xFFFFFFFF, 7) * 9 & 0xFFFFFFFF
        t = s[1] << 9 & 0xFFFFFFFF
        s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]; s[2] ^= t
        s[3] = rotl(s[3], 11)


out["random"] = [{"key": key, "words": list(xoshiro128ss(key, 8))}
    for key in (["shots", 1234, "lambada", 0], ["shots", 1234, "lambada", 0, "naïve 漢字"], [])]

def newcombe(k1, n1, k2, n2):
    ci = [stats.binomtest(k, n).proportion_ci(0.95, method="wilson") for k, n in ((k1, n1), (k2, n2))]
    (p, l1, u1), (q, l2, u2) = (k1 / n1, ci[0].low, ci[0].high), (k2 / n2, ci[1].low, ci[1].high)
    return [p - q - np.hypot(p - l1, u2 - q), p - q + np.hypot(u1 - p, q - l2)]


PAIRS = [(0, 1, 1, 1), (3, 10, 9, 12), (0, 25, 4, 31), (4000, 5149, 4, 4), (700, 1000, 650, 1000), (5, 9, 10, 18)]
out["fisher"] = [{"a": [k1, n1], "b": [k2, n2], "p": stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]])[1],
                  "ci95": newcombe(k1, n1, k2, n2)} for k1, n1, k2, n2 in PAIRS]


def welch(a, b):
    test = stats.ttest_ind(a, b, equal_var=False)
    part = lambda x: {"value": float(np.mean(x)), "stderr": float(stats.sem(x)), "df": len(x) - 1}
    return {"a": part(a), "b": part(b), "p": float(test.pvalue)}


out["welch"] = [welch([1.0, 2.0, 4.0], [2.0, 2.5]), welch(rounded(40, 0, 1), rounded(7, 1, 3)), welch(rounded(9, 5, 1), rounded(9, -5, 1))]

print("{\n" + ",\n".join(
    f" {json.dumps(k)}: " + (json.dumps(v) if not isinstance(v, list) else "[\n  " + ",\n  ".join(json.dumps(x) for x in v) + "\n ]")
    for k, v in out.items()) + "\n}")
