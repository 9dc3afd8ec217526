#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --fast changes: integer dot products where weights are stored as q8_0, nothing else; and nothing without it.
Usage: test_fast.py PROGRAM SOURCE   (PoCL)"""
import json
import os
import sys

from program import flat, gguf, main

PROGRAM = os.path.abspath(sys.argv[1])
GRAPH = """clade 1
model "fast"
include "lib/projections.graph"
dim T : run
weight wq : f32[96, 64]
weight wk : f32[32, 64]
weight wv : f32[32, 64]
weight u : f32[64, 96]
weight p : f32[48, 64]
weight s : f32[64]
entry main {
  input x : f32[T, 64]
  q, k, v = qkv(rms_norm(x, s), wq, wk, wv)
  h = linear(q, u)
  output y : f32[T, 48] = linear(h, p)
  output z : f32[T, 32] = add(k, v)
}
"""
TENSORS = {"wq": ("q8_0", (96, 64)), "wk": ("q8_0", (32, 64)), "wv": ("q8_0", (32, 64)), "u": ("q8_0", (64, 96)), "p": ("f32", (48, 64)), "s": ("f32", (64,))}
REDUCED = {"q": "qkv", "h": "linear"}


def files(clade):
    clade.file("m.graph", GRAPH)
    clade.file("w.gguf", gguf(TENSORS))
    return ["m.graph", "--weights", "w.gguf", "--device", "pocl"]


def x(rows):
    return ["--in", "x=" + json.dumps([[(7 * i + 3 * k) % 11 - 5 for k in range(64)] for i in range(rows)])]


def steps(clade, model, *more, **options):
    return {step["path"]: step for step in clade.json("check", *model, "--explain", *more, **options)["steps"]}


def has_form():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return "avx2" in file.read()


def test_nobody(clade):
    """without a process that may try the instruction, --fast says so and takes what it takes otherwise"""
    model = files(clade)
    plain, fast = steps(clade, model), steps(clade, model, "--fast")
    assert {path: step["impl"] for path, step in plain.items()} == {path: step["impl"] for path, step in fast.items()}
    why = {r["impl"]: r["why"] for r in fast["h"]["refused"]}["cl.dot"]
    assert "nobody" in why if has_form() else "no instruction" in why, why
    assert "only by name or --fast" in {r["impl"]: r["why"] for r in plain["h"]["refused"]}["cl.dot"]


def test_fast(clade):
    """reduced where weights are quantised, within tolerance; the others keep their implementations and their bits"""
    model, helped = files(clade), {"env": {"CLADE_COMPILE": "wait"}}
    if not has_form():
        return "this processor has no AVX2"
    plain, fast = steps(clade, model, **helped), steps(clade, model, "--fast", **helped)
    changed = {path for path, step in fast.items() if step["impl"] != plain.get(path, {}).get("impl")}
    assert changed == set(REDUCED) and {fast[path]["impl"] for path in changed} == {"cl.dot"}, (changed, plain, fast)
    assert {fast[path]["order"] for path in changed} == {"reduced"} and all(step["order"] == "canonical" for step in plain.values())
    for rows in (1, 13):
        report = clade.json("verify", *model, "--fast", *x(rows), **helped)
        for node in report["nodes"]:
            expected = node["path"] in REDUCED
            assert node["ok"] and (node["impl"] == "cl.dot") == expected and (expected or node["bit_equal"]), node
        exact = clade.json("run", *model, *x(rows), **helped)["outputs"]
        assert exact == clade.json("run", *model[:-1], "ref", *x(rows), **helped)["outputs"]
        quick = clade.json("run", *model, "--fast", *x(rows), **helped)["outputs"]
        named = clade.json("run", *model, "--impl", "linear=cl.dot.plain", "--impl", "y=cl.cpu", "--impl", "qkv=cl.dot.plain", *x(rows), **helped)["outputs"]
        assert quick == named and quick != exact  # bits of their own, with and without the instruction
        for name in ("y", "z"):
            a, b = flat(quick[name]["data"]), flat(exact[name]["data"])
            assert sum((p - q) ** 2 for p, q in zip(a, b)) <= 2e-3 * sum(q * q for q in b)
    return None


if __name__ == "__main__":
    sys.exit(main([test_nobody, test_fast], PROGRAM, "fast"))
