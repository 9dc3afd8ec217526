#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade bench. Usage: test_bench.py PROGRAM SOURCE"""
import csv
import io
import json
import os
import sys

from program import main

PROGRAM = os.path.abspath(sys.argv[1])
RUN = ["bench", "dates", "--device", "ref", "-p", "9", "-n", "4", "-r", "3"]
KEYS = {"model", "device", "test", "batch", "tokens_per_second", "stddev", "samples", "peak_memory_bytes", "compile_seconds", "load_seconds"}


def test_json(clade):
    """the objects that outside scripts read, and numbers that fit each other"""
    prompt, generation = json.loads(clade(*RUN, "--batch", "2", "-o", "json")[0])
    assert (prompt["test"], generation["test"]) == ("pp9", "tg4") and prompt["batch"] == 2
    for test in (prompt, generation):
        assert KEYS <= set(test), KEYS - set(test)
        samples = test["samples"]
        mean = sum(samples) / 3
        assert len(samples) == 3 and min(samples) > 0 and abs(test["tokens_per_second"] - mean) < 1e-6 * mean
        assert abs(test["stddev"] ** 2 - sum((x - mean) ** 2 for x in samples) / 2) < 1e-4 * (1 + test["stddev"] ** 2)
        assert test["bit_equal"] is True and test["error"] == 0 and test["parameters"] == 211897
        assert (test["kv_type"], test["fast"]) == ("f32", False)
        assert 0 < test["peak_share"] < 20 and test["peak_memory_bytes"] > 1 << 20 and test["load_seconds"] > 0
    assert prompt["load_seconds"] == generation["load_seconds"] <= prompt["first_seconds"] + 1
    assert prompt["tokens"] == 18 and generation["tokens"] == 8


def test_formats(clade):
    """Markdown and CSV have a line for every test and as many cells as their head"""
    lines = clade(*RUN)[0].splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1 and "±" in lines[2] and "same bits" in lines[3]
    rows = list(csv.DictReader(io.StringIO(clade(*RUN, "-o", "csv")[0])))
    assert [row["test"] for row in rows] == ["pp9", "tg4"] and all(None not in row and None not in row.values() for row in rows)
    assert " f32 | no | pp9 " in lines[2] and {(row["kv_type"], row["fast"]) for row in rows} == {("f32", "0")}
    [kept] = json.loads(clade("bench", "dates", "--device", "ref", "-n", "2", "-r", "1", "--kv-type", "f16", "--fast", "-o", "json")[0])
    assert (kept["kv_type"], kept["fast"]) == ("f16", True)
    assert " f16 | yes | tg2 " in clade("bench", "dates", "--device", "ref", "-n", "2", "-r", "1", "--kv-type", "f16", "--fast")[0]
    alone = json.loads(clade("bench", "dates", "--device", "ref", "-n", "2", "--depth", "3", "-r", "1", "--no-check", "--json")[0])
    assert [test["test"] for test in alone] == ["tg2@d3"] and alone[0]["error"] is None
    assert [test["test"] for test in json.loads(clade("bench", "dates", "--device", "ref", "--entry", "encode", "-r", "1", "--json")[0])] == ["pp64"]


def result(test, *samples, **settings):
    return {"model": "m", "device": "ref", "device_name": "d", "test": test, "batch": 1, "samples": list(samples), **settings}


def test_diff(clade):
    """a change counts when it stands out of the noise"""
    before = [result("steady", 100, 101, 99, 100), result("noisy", 100, 60, 140, 90), result("better", 10, 10.1, 9.9, 10), result("gone", 1, 1)]
    after = [result("noisy", 80, 120, 60, 70), result("steady", 100.5, 99, 101, 100), result("better", 20, 20.1, 19.9, 20)]
    slower = [*after[:1], result("steady", 90, 91, 89, 90)]
    clade.file("before.json", json.dumps(before))
    clade.file("after.json", json.dumps(after))
    clade.file("slower.json", json.dumps(slower))
    report = clade.json("bench", "diff", "before.json", "after.json")
    assert {test["test"]: test["verdict"] for test in report["tests"]} == {"steady": "same", "noisy": "unclear", "better": "faster"}
    assert (report["compared"], report["slower"], report["faster"], report["unclear"], report["unlike"], report["missing"]) == (3, 0, 1, 1, 0, 1)
    clade.file("third.json", json.dumps([result("noisy", 1000, 1060, 1340)]))
    clade.file("of_it.json", json.dumps([result("noisy", 333, 353, 447)]))  # three samples are enough for a third
    assert "slower" in clade("bench", "diff", "third.json", "of_it.json", rc=1)[0]
    out, err = clade("bench", "diff", "before.json", "slower.json", rc=1)
    assert "slower" in out and "1 of 2 tests are slower" in err
    clade.file("other.json", json.dumps([result("else", 1, 1)]))
    assert "no test of" in clade("bench", "diff", "before.json", "other.json", rc=3)[1]
    clade.file("bad.json", "{}")
    assert "needed" in clade("bench", "diff", "bad.json", "after.json", rc=3)[1]


def test_unlike(clade):
    """tests that were not run alike are marked and do not count, however much slower; what older files do not tell is no difference"""
    told = {"kv_type": "f32", "fast": False, "weight_bytes": 8}
    clade.file("a.json", json.dumps([result("pp", 100, 101, 99, **told), result("tg", 10, 10.1, 9.9, **told)]))
    cases = [({"kv_type": "f16"}, "kv_type f32 -> f16"), ({"fast": True}, "fast false -> true"), ({"batch": 2}, "batch 1 -> 2"), ({"model": "n"}, "model m -> n"),
             ({"device": "cl:0.0", "device_name": "e"}, "device ref -> cl:0.0, device_name d -> e"), ({"weight_bytes": 4}, "weight_bytes 8 -> 4")]
    for other, text in cases:
        clade.file("b.json", json.dumps([result("pp", 50, 51, 49, **{**told, **other}), result("tg", 10, 10.1, 9.9, **told)]))
        report = clade.json("bench", "diff", "a.json", "b.json")
        assert {test["test"]: (test["verdict"], test["differs"]) for test in report["tests"]} == {"tg": ("same", ""), "pp": ("unlike", text)}
        assert (report["compared"], report["slower"], report["unlike"]) == (1, 0, 1)
        assert f"unlike: {text}" in clade("bench", "diff", "a.json", "b.json")[0]
        clade.file("b.json", json.dumps([result("pp", 50, 51, 49, **{**told, **other})]))
        out, err = clade("bench", "diff", "a.json", "b.json", rc=3)
        assert f"run alike: {text}" in err and "1 only in a.json" in out
        # where both were run, the row that was run alike is taken, whatever stands before it
        clade.file("b.json", json.dumps([result("pp", 50, 51, 49, **{**told, **other}), result("pp", 100, 101, 99, **told)]))
        assert [test["verdict"] for test in clade.json("bench", "diff", "a.json", "b.json")["tests"]] == ["same"]
    clade.file("b.json", json.dumps([result("pp", 100, 101, 99, **{**told, "model": "elsewhere/m"})]))
    assert clade.json("bench", "diff", "a.json", "b.json")["compared"] == 1
    clade.file("old.json", json.dumps([result("pp", 50, 51, 49)]))
    assert "slower" in clade("bench", "diff", "a.json", "old.json", rc=1)[0]


def test_errors(clade):
    """words and numbers that do not fit"""
    cases = [
        (["bench", "dates", "-o", "xml"], "none of md, csv and json"), (["bench", "dates", "-p", "1000"], "context of 64"),
        (["bench", "dates", "--device", "ref", "-n", "4", "--entry", "encode"], "does not generate"), (["bench", "diff", "a"], "two files"),
        (["bench", "dates", "--all-devices", "--device", "ref"], "exclude each other"), (["bench", "dates", "-n", "40", "--depth", "30"], "70 tokens"),
    ]
    for args, text in cases:
        err = clade(*args, rc=2)[1]
        assert text in err, (args, err)


def test_all_devices(clade):
    """without OpenCL there is still ref"""
    rows = json.loads(clade("bench", "dates", "--all-devices", "-p", "4", "-r", "1", "-o", "json")[0])
    assert rows[0]["device"] == "ref"


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")], PROGRAM, "bench"))
