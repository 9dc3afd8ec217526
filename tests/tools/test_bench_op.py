#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade bench --op. Usage: test_bench_op.py PROGRAM SOURCE DEVICE [PLUGIN]"""
import csv
import io
import json
import os
import statistics
import sys

from program import main

PROGRAM = os.path.abspath(sys.argv[1])
DEVICE = sys.argv[3]
PLUGIN = [os.path.abspath(path) for path in sys.argv[4:5]]
KEYS = {"op", "impl", "device", "shape", "gflops", "gbps", "samples", "max_error"}


def bench(clade, *args, **options):
    return json.loads(clade("bench", "--device", DEVICE, "-r", "3", "-o", "json", "--op", *args, **options)[0])


def test_json(clade):
    """the objects that outside scripts read; a listed shape, weights packed, the same bits as ref"""
    rows = bench(clade, "linear", "--shape", "M=7,N=65,K=33", "--shape", "n=5,k=300,m=1")
    assert {row["shape"] for row in rows} == {"M=7,N=65,K=33", "M=1,N=5,K=300"}
    assert {row["impl"] for row in rows} == ({"ref"} if DEVICE == "ref" else {"cl", "cl.cpu", "cl.local", "ref"})
    for row in rows:
        assert KEYS <= set(row), KEYS - set(row)
        assert 1 <= len(row["samples"]) <= 3 and min(row["samples"]) > 0 and row["type"] == "f32" and row["unit"] == "GFLOP/s"
        assert abs(row["gflops"] - statistics.median(row["samples"])) < 1e-6 * row["gflops"]
        m, n, k = (int(word[2:]) for word in row["shape"].split(","))
        assert abs(row["gflops"] * row["seconds"] * 1e9 / (2 * m * n * k) - 1) < 1e-3  # an fma counts two
        assert abs(row["gbps"] * row["seconds"] * 1e9 / (4 * (m * n + n * k + m * k + n)) - 1) < 1e-3
        assert row["bit_equal"] is True and row["max_error"] == 0 and 0 < row["peak_share"]


def test_letters(clade):
    """sizes of other ops, in their own letters; what follows from what; attributes"""
    [first, *_] = bench(clade, "attention", "--shape", "B=1,H=2,T=3,S=9,D=16", "--attr", "causal = true")
    assert first["shape"] == "B=1,H=2,T=3,S=9,D=16" and first["attrs"] == "causal = true"
    grouped = bench(clade, "attention", "--shape", "B=1,H=4,G=2,T=3,S=9,D=16,E=8")[0]
    assert {"G=2", "E=8", "S=9"} <= set(grouped["shape"].split(","))
    assert bench(clade, "layer_norm", "--shape", "rows=5,n=70")[0]["shape"] == "M=5,N=70"
    assert bench(clade, "matmul", "--shape", "a=2x3x4,b=2x4x5")[0]["shape"] == "rows=2,M=3,N=5,K=4"
    assert bench(clade, "mul", "--shape", "a=5x7")[0]["shape"] == "a=5x7,b=5x7"
    assert bench(clade, "embedding", "--shape", "M=5,V=30,D=8")[0]["unit"] == "GB/s"
    block = bench(clade, "feed_forward", "--shape", "M=3,D=8,F=20", "--attr", 'act = "silu"')
    assert block[-1]["impl"] == "ref" and all(row["bit_equal"] for row in block)


def test_types(clade):
    """weights as files store them"""
    for kind in ("q8_0", "q4_0", "bf16"):
        rows = bench(clade, "linear", "--shape", "M=3,N=33,K=64", "--type", kind)
        assert {row["type"] for row in rows} == {kind} and all(row["bit_equal"] for row in rows)
    bytes_of = {row["type"]: row["gbps"] * row["seconds"] * 1e9 for kind in ("f32", "q8_0") for row in bench(clade, "linear", "--shape", "M=1,N=640,K=640", "--type", kind, "-r", "1")}
    assert bytes_of["q8_0"] < 0.3 * bytes_of["f32"]  # what is stored counts
    assert "its types: f32, f16" in clade("bench", "--op", "linear", "--type", "q9", "--device", "ref", rc=2)[1]
    assert "it has none stored" in clade("bench", "--op", "silu", "--type", "q8_0", "--device", "ref", rc=2)[1]


def test_defaults(clade):
    """without shapes: those worth timing, and odd ones; every op that matches"""
    shapes = {row["shape"] for row in bench(clade, "and")}
    assert shapes == {"a=2x4096,b=2x4096", "a=2x4095,b=2x4095"}, shapes
    assert {row["op"] for row in bench(clade, "*_mask", "-r", "1")} == {"causal_mask", "padding_mask"}


def test_formats(clade):
    """as many cells as the head has, in Markdown and CSV; ref left out"""
    words = ["bench", "--device", DEVICE, "-r", "2", "--op", "rms_norm", "--shape", "M=3,N=64"]
    lines = clade(*words)[0].splitlines()
    assert len({line.count("|") for line in lines}) == 1 and "0 (same bits)" in lines[2]
    rows = list(csv.DictReader(io.StringIO(clade(*words, "-o", "csv")[0])))
    assert rows[-1]["impl"] == "ref" and all(None not in row and None not in row.values() for row in rows)
    alone = bench(clade, "rms_norm", "--shape", "M=3,N=64", "--no-check")
    assert all(row["max_error"] is None for row in alone) and [row["impl"] for row in alone] == ["ref" if DEVICE == "ref" else "cl"]


def test_diff(clade):
    """results of ops are compared like those of models: by op, implementation, shape and attributes"""
    row = bench(clade, "silu", "--shape", "x=3x7", "--impl", "ref" if DEVICE == "ref" else "cl")[0]
    faster = dict(row, samples=[2 * x for x in (1, 1.01, 0.99)])
    row["samples"] = [1, 1.01, 0.99]
    clade.file("a.json", json.dumps([row]))
    clade.file("b.json", json.dumps([faster]))
    assert [test["verdict"] for test in clade.json("bench", "diff", "a.json", "b.json")["tests"]] == ["faster"]
    assert "1 of 1 tests are slower" in clade("bench", "diff", "b.json", "a.json", rc=1)[1]
    clade.file("c.json", json.dumps([dict(faster, attrs="other = true")]))
    assert "no test of" in clade("bench", "diff", "a.json", "c.json", rc=3)[1]


def test_plugin(clade):
    """an implementation with an order of its own has a row, and its error is shown"""
    if not PLUGIN or DEVICE == "ref":
        return "CLBlast was not built, or there is no OpenCL here"
    wanted = ["--plugin", PLUGIN[0], "--impl", "cl*"]
    rows = {row["impl"]: row for row in bench(clade, "linear", "--shape", "M=7,N=65,K=333", *wanted)}
    assert rows["clblast"]["order"] == "own" and 0 < rows["clblast"]["max_error"] < 1e-3 and not rows["clblast"]["bit_equal"]
    assert set(rows) == {"cl", "cl.cpu", "cl.local", "clblast"}


def test_errors(clade):
    """words that do not fit, and what would"""
    cases = [
        (["linear", "--shape", "M=1,N=2,Q=3"], "M (or rows: all leading axes), N, K"), (["linear", "--shape", "M=1,N=2"], "K is missing"),
        (["linear", "--shape", "M=1,N=2,K=x"], "not NAME=NUMBER"), (["linaer"], "did you mean linear"), (["linear", "-p", "7"], "about models"),
        (["linear", "dates"], "either a MODEL or --op"), (["linear", "--impl", "cl.cpx"], "did you mean cl.cpu"),
        (["matmul", "--shape", "a=2x3,b=2x3"], "differ"), (["feed_forward", "--attr", 'act = "x"'], "act"), (["alibi", "--shape", "M=3"], "none"),
    ]
    for args, text in cases:
        err = clade("bench", "--device", "ref", "--op", *args, rc=2)[1]
        assert text in err, (args, err)
    assert "--op PATTERN is missing" in clade("bench", rc=2)[1]
    assert "belongs to --op" in clade("bench", "dates", "--shape", "M=1", rc=2)[1]


ON_DEVICES = [test_json, test_diff, test_plugin]  # the others say the same everywhere

if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("test_")]
    sys.exit(main(everything if DEVICE == "ref" else ON_DEVICES, PROGRAM, "bench --op"))
