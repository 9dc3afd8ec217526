#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes program_golden.json: inputs and expected outputs of examples/sdpa.graph and examples/scale.graph, in float64.

Usage: make_program_golden.py > program_golden.json   (needs NumPy)
"""
import json
import math
import sys

import numpy as np

rng = np.random.default_rng(7)


def f32(shape):
    return rng.standard_normal(shape).astype(np.float32)


def sdpa(q, k, v):
    """softmax(q k' / sqrt(d)) v; key j is seen by query i iff j <= i + S - T."""
    q, k, v = (a.astype(np.float64) for a in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    t, s = scores.shape[-2:]
    scores = np.where(np.arange(s)[None] <= np.arange(t)[:, None] + s - t, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights @ v, weights


def main():
    cases = []
    for b, t, s in [(1, 3, 3), (2, 2, 5), (1, 1, 4)]:
        q, k, v = f32((b, 1, t, 4)), f32((b, 1, s, 4)), f32((b, 1, s, 4))
        y, weights = sdpa(q, k, v)
        cases.append({name: array.tolist() for name, array in [("q", q), ("k", k), ("v", v), ("y", y), ("weights", weights)]})
    x, w = f32((5, 3)), f32(3)
    y = [[0.5 * a * b * (1 + math.erf(a * b / math.sqrt(2))) for a, b in zip(row, w.astype(np.float64))] for row in x.astype(np.float64)]
    json.dump({"sdpa": cases, "scale": {"x": x.tolist(), "w": w.tolist(), "y": y}}, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
