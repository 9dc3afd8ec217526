#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the polynomial coefficients of kernels/include/math_body.clh: fit.py (needs numpy and mpmath).

Each is a weighted minimax fit (Lawson's reweighted least squares on Chebyshev points), rounded to float one coefficient
at a time, lowest first, with the others refitted after each."""
import mpmath as mp
import numpy as np

mp.mp.dps = 40


def fit(name, function, weight, low, high, terms, count=1500):
    nodes = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    target = np.array([float(function(mp.mpf(float(x)))) for x in nodes])
    scale = np.array([float(weight(mp.mpf(float(x)))) for x in nodes])
    fixed = []
    for done in range(terms + 1):
        rest = target - sum(c * nodes ** i for i, c in enumerate(fixed)) if fixed else target
        if done == terms:
            print(f"{name}: error {np.max(np.abs(rest * scale)):.3g}")
            break
        powers = np.stack([nodes ** i for i in range(done, terms)], axis=1)
        lawson = np.ones(count)
        best, best_error = None, np.inf
        for _ in range(60):
            row = np.sqrt(lawson) * scale
            solution = np.linalg.lstsq(powers * row[:, None], rest * row, rcond=None)[0]
            error = np.abs((powers @ solution - rest) * scale)
            if error.max() < best_error:
                best, best_error = solution, error.max()
            lawson = lawson * (error + 1e-18)
            lawson /= lawson.sum()
        fixed.append(float(np.float32(best[0])))
    for i, c in enumerate(fixed):
        print(f"  c{i} = {float(np.float32(c)).hex()} ({c:.9g})")


one = mp.mpf(1)
tiny = mp.mpf("1e-12")
half_ln2 = float(mp.log(2) / 2) * 1.01
fit("exp: (e^r - 1 - r) / r^2", lambda r: (mp.expm1(r) - r) / r ** 2, lambda r: r * r / mp.exp(r), -half_ln2, half_ln2, 5)
fit("log: (log1p f - f + f^2/2) / f^3", lambda f: (mp.log1p(f) - f + f * f / 2) / f ** 3,
    lambda f: abs(f ** 3 / mp.log1p(f)), -1 / 3, 1 / 3, 9)
fit("tanh: (tanh x - x) / x^3 in z = x^2", lambda z: (mp.tanh(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3,
    lambda z: z * mp.sqrt(z) / mp.tanh(mp.sqrt(z)), 1e-9, 0.625 ** 2, 5)
fit("erf small: erf x / x - 1 in z = x^2", lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
    lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)), 1e-9, 0.9 ** 2, 7)
fit("erf large: log(erfc t) / t", lambda t: mp.log(mp.erfc(t)) / t, lambda t: mp.erfc(t) * t / mp.erf(t), 0.9, 4.0, 8)
quarter = 0.87  # pi/4 and the error of n at 2^22
fit("sin: (sin r - r) / r^3 in z", lambda z: (mp.sin(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3,
    lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z)), 1e-6, quarter ** 2, 3)
fit("cos: (cos r - 1 + r^2/2) / r^4 in z", lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z ** 2,
    lambda z: z * z / mp.cos(mp.sqrt(z)), 1e-6, quarter ** 2, 3)
twelfth = mp.mpf(float.fromhex("0x1.555556p-4"))
fit("atanh: ((2 atanh(q/2) - q) / q^3 - c0) / q^2 in z = q^2, c0 the float 1/12",
    lambda z: ((2 * mp.atanh(mp.sqrt(z) / 2) - mp.sqrt(z)) / mp.sqrt(z) ** 3 - twelfth) / z,
    lambda z: z * z, 1e-3, 0.161, 3)
fit("recip start on [1, 2]", lambda m: 1 / m, lambda m: m, 1.0, 2.0, 3)
