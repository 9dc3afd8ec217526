#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade profile. Usage: test_profile.py PROGRAM SOURCE DEVICE"""
import json
import os
import sys

from program import main

PROGRAM, DEVICE = os.path.abspath(sys.argv[1]), sys.argv[3]
D, FFN, HEADS = 64, 128, 4  # of dates


def profile(clade, *args):
    return clade.json("profile", *args, "--device", DEVICE, "-r", "3")


def steps_of(report, op):
    return [step for step in report["steps"] if step["op"] == op]


def check_sums(report):
    times = [step["seconds"] for step in report["steps"]]
    assert abs(sum(times) - report["total_seconds"]) <= 1e-12 + 1e-9 * sum(times) and sum(times) > 0
    assert abs(sum(step["share"] for step in report["steps"]) - 1) < 1e-9
    assert report["total_seconds"] <= report["wall_seconds"]
    for step in report["steps"]:
        if step["seconds"]:
            assert abs(step["gflops"] * step["seconds"] * 1e9 - step["flops"]) <= 1e-6 * (1 + step["flops"]), step


def test_prompt(clade):
    """an encoder's pass: operations counted as a person would"""
    tokens = 20
    odd = os.path.join(clade.folder, "not UTF-8 \udcff")
    os.symlink(os.path.join(os.path.abspath(sys.argv[2]), "models/dates"), odd)
    assert profile(clade, odd, "-p", "2")["model"].endswith("not UTF-8 \ufffd")
    report = profile(clade, "dates", "-p", str(tokens), "--open")
    check_sums(report)
    linear = sum(step["flops"] for step in steps_of(report, "linear"))
    # 3 layers of four projections and two matrices, and two decoder layers' cross-attention keys and values
    assert linear == 2 * tokens * (3 * (4 * D * D + 2 * D * FFN) + 2 * 2 * D * D), linear
    assert sum(step["flops"] for step in steps_of(report, "attention")) == 3 * 2 * 2 * tokens * tokens * D
    table = steps_of(report, "embedding")[0]
    assert table["bytes"] == 4 * tokens + 2 * 4 * tokens * D, "the rows that are taken, not the table"
    assert report["test"] == "pp20" and report["model"] == "dates"


def test_token(clade):
    """one step of generation: of the caches only the rows in use count"""
    report = profile(clade, "dates", "-n", "3", "--depth", "7")
    check_sums(report)
    own = [step for step in steps_of(report, "attention") if "/attn/" in step["path"]]
    assert len(own) == 2 and all(step["flops"] == 2 * 2 * D * 3 for step in own), own  # behind an encoder: token 3
    assert all(step["bytes"] == 4 * (2 * D + 2 * 3 * D + 1) for step in own), own


def test_trace(clade):
    """a trace that viewers read: complete events, one behind the other"""
    clade("profile", "dates", "-p", "4", "-r", "1", "--trace", "t.json", "--device", DEVICE)
    with open(os.path.join(clade.folder, "t.json"), encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    assert all(isinstance(event["tid"], int) for event in events)  # viewers know numbers only; names stand beside
    names = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    events = [event for event in events if event["ph"] != "M"]
    assert {event["tid"] for event in events} == set(names) and len(names) == 1 and (DEVICE == "ref") == ("ref" in names.values())
    assert len(events) > 20 and all(event["ph"] == "X" and event["dur"] >= 0 for event in events)
    for a, b in zip(events, events[1:]):
        assert abs(a["ts"] + a["dur"] - b["ts"]) < 1e-6


def test_errors(clade):
    """what cannot be profiled says why"""
    assert "keeps no cache" in clade("profile", "dates", "--entry", "encode", "-n", "1", rc=2)[1]
    assert "from 1" in clade("profile", "dates", "-r", "0", rc=2)[1]


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")], PROGRAM, "profile"))
