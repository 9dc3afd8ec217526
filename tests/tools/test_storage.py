#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How weights lie in memory, and what becomes of them where a named implementation reads f32 only.
Usage: test_storage.py PROGRAM SOURCE WRONG_LINEAR [CLBLAST]   (plugins; the second: on OpenCL)"""
import json
import os
import struct
import sys

from program import close_to, flat, gguf, main, safetensors

PROGRAM = os.path.abspath(sys.argv[1])
WRONG = ["--plugin", os.path.abspath(sys.argv[3])]  # linear.wrong: as ref but for element 7, and it reads f32
GRAPH = """clade 1
model "stored"
weight w : f32[96, 64]
weight u : f32[64, 96]
weight s : f32[64]
weight v : f32[64, 64]
weight b : f32[64]
entry main {
  input x : f32[2, 64]
  h = linear(rms_norm(x, s), w)
  %sy = linear(h, u, b)
  output y : f32[2, 64] = y
  output z : f32[2, 64] = matmul(y, v)
}
"""
TENSORS = {"w": ("q8_0", (96, 64)), "u": ("q8_0", (64, 96)), "s": ("q8_0", (64,)), "v": ("q5_0", (64, 64)), "b": ("f32", (64,))}
X = json.dumps([[(7 * i + 3 * k) % 11 - 5 for k in range(64)] for i in range(2)])


def files(clade):
    clade.file("m.graph", GRAPH % "")
    clade.file("w.gguf", gguf(TENSORS))
    return ["m.graph", "--weights", "w.gguf"]


def groups(report):
    return {(group["stored"], group["held"]): (group["count"], group["bytes"], group["expanded"], group["why"] or "") for group in report["storage"]}


def test_listed(clade):
    """check: as stored or expanded, how many, how large, and why"""
    model = files(clade)
    report = clade.json("check", *model, "--explain", "--device", "ref")
    found = groups(report)
    assert found[("q8_0", "q8_0")] == (2, 2 * 96 * 64 // 32 * 34, False, "") and found[("f32", "f32")][:2] == (1, 256), found
    assert found[("q8_0", "f32")] == (1, 256, True, "rms_norm takes gamma as f32"), found
    assert found[("q5_0", "f32")][:3] == (1, 16384, True) and "always expanded" in found[("q5_0", "f32")][3], found
    assert sum(group["bytes"] for group in report["storage"]) == report["weights_bytes"]
    each = {weight["name"]: weight for weight in report["weight_list"]}
    assert set(each) == set(TENSORS) and each["s"]["node"] == "h.rms_norm" and each["s"]["shape"] == [64], each
    text = clade("check", *model)[0]
    assert "weights: 2 q8_0 as stored, 12.8 KiB\n" in text and "weights: 1 q8_0 expanded to f32, 256 B: rms_norm takes gamma as f32\n" in text, text
    assert "(h.rms_norm)" not in text and "(h.rms_norm)" in clade("check", *model, "--explain", "--device", "ref")[0]
    assert groups(clade.json("check", "dates", "--device", "ref")).keys() == {("f32", "f32")}


def test_named(clade):
    """a rule, a lock line or a pin that names what reads f32 only: that node's weights are f32, and no others"""
    model = files(clade)
    values = [struct.unpack("<e", struct.pack("<e", 0.01))[0] * ((i * 31 + k * 7) % 255 - 127) for i in range(64 * 96 // 32) for k in range(32)]
    plain = {"u": [values[row * 96:row * 96 + 96] for row in range(64)]}
    rest = gguf({name: what for name, what in TENSORS.items() if name != "u"})
    clade.file("u.safetensors", safetensors(plain))
    clade.file("rest.gguf", rest)
    expected = flat(clade.json("run", "m.graph", "--weights", "rest.gguf", "--weights", "u.safetensors", "--device", "ref", "--in", f"x={X}")["outputs"]["y"]["data"])
    stored = flat(clade.json("run", *model, "--device", "ref", "--in", f"x={X}")["outputs"]["y"]["data"])
    assert stored != expected and max(abs(a - b) for a, b in zip(stored, expected)) < 1e-3  # another order of sums
    clade.file("lock.txt", "clade-lock 1\ny = wrong\n")
    clade.file("pinned.graph", GRAPH % '@impl("wrong") ')
    ways = [model + ["--impl", "y=wrong"], model + ["--locked", "lock.txt"], ["pinned.graph"] + model[1:]]
    for way in ways:
        report = clade.json("check", *way, *WRONG, "--explain", "--device", "ref")
        each = {weight["name"]: weight for weight in report["weight_list"]}
        assert (each["u"]["held"], each["u"]["node"], each["w"]["held"]) == ("f32", "y", "q8_0"), each
        assert each["u"]["why"] == "linear.wrong, which is asked for, reads f32", each
        assert sum(group["bytes"] for group in report["storage"]) == report["weights_bytes"]
        found = flat(clade.json("run", *way, *WRONG, "--device", "ref", "--in", f"x={X}")["outputs"]["y"]["data"])
        wrong = [i for i, (a, b) in enumerate(zip(found, expected)) if a != b]
        assert wrong == [7], wrong
    report = clade.json("check", *model, "--impl", "linear=ref", "--explain", "--device", "ref")
    assert {weight["name"]: weight["held"] for weight in report["weight_list"]}["u"] == "q8_0"
    verified = clade.json("verify", *model, "--impl", "y=wrong", *WRONG, "--device", "ref", rc=1)
    assert verified["first_divergence"] == "y", verified


def clblast(clade):
    """CLBlast takes linears of a model with quantised weights"""
    model, plugin = files(clade), ["--plugin", os.path.abspath(sys.argv[4]), "--impl", "linear=clblast", "--device", "cl"]
    report = clade.json("check", *model, *plugin, "--explain")
    assert [step["impl"] for step in report["steps"] if step["op"] == "linear"] == ["clblast"] * 2
    assert [weight["held"] for weight in report["weight_list"]] == ["f32"] * 5
    found = clade.json("run", *model, *plugin, "--in", f"x={X}")["outputs"]["y"]["data"]
    close_to(found, clade.json("run", *model, "--device", "ref", "--in", f"x={X}")["outputs"]["y"]["data"], 1e-4)


if __name__ == "__main__":
    sys.exit(main([clblast] if sys.argv[4:] else [test_listed, test_named], PROGRAM, "storage"))
