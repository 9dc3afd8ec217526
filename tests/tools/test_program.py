#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program as outside scripts call it. Usage: test_program.py PROGRAM SOURCE"""
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

from program import close_to, f32, flat, main, npy, read_npy, safetensors

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SDPA, SCALE = os.path.join(SOURCE, "examples/sdpa.graph"), os.path.join(SOURCE, "examples/scale.graph")
with open(os.path.join(SOURCE, "tests/tools/program_golden.json")) as file:
    GOLDEN = json.load(file)
COMMANDS = ["run", "generate", "tokenize", "embed", "perplexity", "check", "verify", "inspect", "quantize", "devices", "ops", "plot", "bench", "profile", "tune"]
Q1, V1 = "[[[[1,0,0,0]]]]", "[[[[1,2,3,4]]]]"
ONE = ["--in", f"q={Q1}", "--in", f"k={Q1}", "--in", f"v={V1}"]


def test_help(clade):
    """help and version on stdout, exit 0; only commands that exist"""
    overview = clade("help")[0]
    assert overview == clade("--help")[0]
    assert re.findall(r"^  (\w+) ", overview, re.M) == COMMANDS + ["help"]
    for command in COMMANDS:
        text, err = clade("help", command)
        assert text == clade(command, "--help")[0] and text.startswith(f"usage: clade {command}") and not err
        assert text == clade(command, "x", "--help")[0]
    assert re.fullmatch(r"clade \d+\.\d+\.\d+\n", clade("--version")[0])


def test_usage_errors(clade):
    """words on the command line: exit 2, one line, the nearest word"""
    cases = [
        ([], "a command is missing"), (["genrate"], "did you mean generate"), (["tune"], "one MODEL or --op PATTERN"), (["train"], "no such command"), (["help", "rum"], "did you mean run"),
        (["run"], "usage: clade run MODEL"), (["run", SDPA, "x"], "one argument too many"), (["run", SDPA, "--inn", "x=1"], "did you mean --in"),
        (["run", SDPA, "--zzzzzz"], "has no such option"), (["run", SDPA, "--in"], "a value is missing"), (["run", SDPA, "--strict=1"], "takes no value"),
        (["run", SDPA, "--in", "q"], "NAME=VALUE"), (["run", SDPA, "--in", "queries=1"], 'no input "queries"'), (["run", SDPA, "--in", "qq=1"], "no input"),
        (["run", SDPA, *ONE, "--in", f"q={Q1}"], "given twice"), (["run", SDPA, "--in", "q=[[1,2],[3]]"], "ragged"), (["run", SDPA, "--in", "q=nonsense"], "neither"),
        (["run", SDPA, *ONE, "--out", "weighs=x.npy"], "did you mean weights"), (["run", SDPA, *ONE, "--entry", "mein"], "did you mean main"),
        (["run", SDPA, "--in", f"q={Q1}"], "input k : f32[B, 1, S, 4]"), (["run", SDPA, *ONE, "--rtol", "x"], "not a number"), (["run", SDPA, "--context", "0"], "from 1"),
        (["run", SDPA, *ONE, "--device", "warp-drive"], "warp-drive"), (["run", SDPA, *ONE, "--impl", "attention=reff"], "ref"),
        (["run", SDPA, *ONE, "--impl", "attenton=ref"], "atten"), (["ops", "liner"], "did you mean linear"), (["check", "datse"], "dates"),
        (["check", "no-such-thing"], "no such file"), (["verify", SDPA, "--in", "qq=1"], "no input"), (["generate", SDPA, "--prompt", "a", "--ids", "1"], ""),
        (["tokenize", "dates", "--decode", "1,x"], "list of ids"), (["check", SDPA, "--kv-type", "f61"], "f32 or f16"),
        (["check", SDPA, "--kv-type", "f16"], "keeps no keys and values"), (["bench", "--op", "linear", "--kv-type", "f16"], "is about models"),
        (["run", SDPA, "--jsno"], "did you mean --json"), (["run", SDPA, "--dev=ref"], "did you mean --device"), (["run", SDPA, "--context", "0"], "to 1073741824 "),
        (["run", SDPA, "--in", "q=[1e39]"], "too large for f32"), (["tokenize", "dates", "--decode", "1", "--text", "a"], "only one of"),
        (["tokenize", "dates", "x.txt", "--text", "a"], "only one of"), (["check", SDPA, "--dot", "--svg"], "only one of"),
        (["generate", "dates", "--ids", ""], "holds no id"), (["generate", "dates", "--ids", "1,"], "list of ids"), (["generate", "dates", "--prompt", "a", "--stop", ""], "--stop"),
        (["plot", "positional-encoding", "--width", "7"], "--width"), (["plot", "positional-encoding", "--prompt", "a"], "belongs to"),
        (["bench", "dates", "-p", "0", "-n", "0"], "nothing to measure"),
        (["generate", "dates", "--prompt", "a", "--date", "2026-01-31"], "add --chat"), (["profile", "dates", "-p", "2", "-n", "2"], "two profiles"),
        (["profile", "dates", "--depth", "2"], "--depth"), (["check", SDPA, "--svg", "--explain"], "--explain"), (["check", SDPA, "--dot", "--dim", "T=2"], "--dim"),
    ]
    for args, text in cases:
        err = clade(*args, rc=2 if args[:2] != ["generate", SDPA] else 3)[1]
        assert text in err, (args, err)
    assert "error: CLADE_DEVICE=warp: " in clade("run", SDPA, *ONE, env={"CLADE_DEVICE": "warp"}, rc=2)[1]


def test_data_errors(clade):
    """what is inside files: exit 3, one line"""
    weights = clade.file("w.safetensors", safetensors({"w": [1.0, 2.0, 3.0]}))
    short = clade.file("short.safetensors", safetensors({"w": [1.0, 2.0]}))
    wrong = clade.file("wrong.safetensors", safetensors({"w": [1.0, 2.0, 3.0]})[:-1])
    bad = clade.file("bad.graph", 'clade 1\nmodel "x"\nentry main {\n  input x : f32[2]\n  output y : f32[2] = gelo(x)\n}\n')
    x = ["--in", "x=[[1,2,3]]"]
    cases = [
        (["run", SCALE, "--weights", weights, "--in", "x=[[1,2]]"], "", "axis 1 must be 3"),
        (["run", bad, "--in", "x=[1,2]"], "bad.graph:5:", "gelu"), (["check", bad], "bad.graph:5:", "gelu"), (["run", SCALE, *x], "", "w"),
        (["run", SCALE, "--weights", short, *x], "", "w"), (["run", SCALE, "--weights", wrong, *x], "wrong.safetensors@", "has 11 bytes"),
        (["run", SCALE, "--weights", weights, "--in", "x=[[1,2]]"], "", "x"), (["run", SCALE, "--weights", weights, "--in", "x=absent.npy"], "absent.npy", "No such file"),
        (["run", SCALE, "--weights", "absent.safetensors", *x], "absent.safetensors", "No such file"), (["inspect", wrong], "wrong.safetensors@", ""),
        (["run", "model.gguf", *x], "model.gguf", ""), (["run", "model.onnx", *x], "model.onnx", "does not read onnx"),
        (["run", weights, *x], "", "names no family"), (["tokenize", SCALE, "--text", "a"], "", "tokenizer.json"), (["check", "family"], "family", 'of the family "lama"'),
        (["run", SCALE, "--weights", weights, "--in", "x=ids.npy"], "ids.npy", "holds i32"), (["tokenize", "dates", "--decode", "9999"], "--decode", "9999"),
    ]
    clade.file("model.gguf", b"GGUF")
    clade.file("model.onnx", b"\x08")
    clade.file("ids.npy", npy([[1, 2, 3]], "i4"))
    os.mkdir(os.path.join(clade.folder, "family"))
    clade.file("family/config.json", '{"model_type": "lama"}')
    for args, where, text in cases:
        err = clade(*args, rc=3)[1]
        assert where in err and text in err, (args, err)
    text = clade.file("latin1.txt", b"caf\xe9")
    assert "not UTF-8" in clade("tokenize", "dates", text, rc=3)[1]


def test_sdpa(clade):
    """sdpa.graph: JSON literals, .npy files of several types, printed and as JSON"""
    for i, case in enumerate(GOLDEN["sdpa"]):
        literals = [word for name in "qkv" for word in ("--in", f"{name}={json.dumps(case[name])}")]
        got = clade.json("run", SDPA, *literals)["outputs"]
        assert list(got) == ["y", "weights"] and got["y"]["dtype"] == "f32"
        close_to(got["y"]["data"], case["y"], 1e-6)
        close_to(got["weights"]["data"], case["weights"], 1e-6)
        for name, kind in zip("qkv", ("f4", "f8", "f4")):
            clade.file(f"{name}.npy", npy(case[name], kind))
        clade("run", SDPA, "--in", "q=q.npy", "--in=k=k.npy", "--in", "v=v.npy", "--out", "y=y.npy", "--out=weights=w.npy")
        shape, data = read_npy(os.path.join(clade.folder, "y.npy"))
        assert data == f32(got["y"]["data"]) and list(shape) == got["y"]["shape"]
        assert read_npy(os.path.join(clade.folder, "w.npy"))[1] == f32(got["weights"]["data"])
    text = clade("run", SDPA, *ONE)[0]
    assert text.splitlines()[0] == "y f32[1, 1, 1, 4]" and "[[[[1.0 2.0 3.0 4.0]]]]" in text and "weights f32[1, 1, 1, 1]" in text


def test_scale(clade):
    """scale.graph with weights; --expect, --set of nothing, special numbers"""
    case = GOLDEN["scale"]
    weights = clade.file("w.safetensors", safetensors({"w": case["w"]}))
    run = ["run", SCALE, "--weights", weights]
    close_to(clade.json(*run, "--in", f"x={json.dumps(case['x'])}")["outputs"]["y"]["data"], case["y"], 1e-6)
    clade.file("x.npy", npy(case["x"]))
    clade.file("y.npy", npy(case["y"], "f8"))
    clade(*run, "--in", "x=x.npy", "--expect", "y=y.npy")
    wrong = [list(row) for row in case["y"]]
    wrong[3][1] += 0.5
    clade.file("wrong.npy", npy(wrong))
    out, err = clade(*run, "--in", "x=x.npy", "--expect", "y=wrong.npy", rc=1)
    assert "0.5" in err and "[3, 1]" in err, err
    clade(*run, "--in", "x=x.npy", "--expect", "y=wrong.npy", "--atol", "1")
    report = json.loads(clade(*run, "--in", "x=x.npy", "--expect", "y=wrong.npy", "--json", rc=1)[0])
    assert report["expected"]["y"]["ok"] is False and report["outputs"]["y"]["shape"] == [5, 3]
    clade.file("flat.npy", npy(flat(case["y"])))
    assert "f32[15]" in clade(*run, "--in", "x=x.npy", "--expect", "y=flat.npy", rc=1)[1]
    got = clade.json(*run, "--in", 'x=[["nan", "inf", 0]]')["outputs"]["y"]["data"]
    assert got[0][0] == "nan" and isinstance(got[0][1], str) and got[0][2] == 0, got
    clade.file("nan.npy", npy([[float("nan"), 0.0, 0.0]]))
    clade.file("nan_y.npy", npy([[float("nan"), 0.0, 0.0]]))
    clade(*run, "--in", "x=nan.npy", "--expect", "y=nan_y.npy")
    assert "..." in clade(*run, "--in", f"x={json.dumps([[0.5, 1, 2]] * 400)}")[0]


def test_devices(clade):
    """devices: numbers and JSON; without OpenCL there is ref, and a notice"""
    listed = clade.json("devices")
    assert listed[0]["id"] == "ref" and all({"id", "name", "platform", "driver"} <= set(d) for d in listed)
    lines = clade("devices")[0].splitlines()
    assert [line.split()[0] for line in lines] == [d["id"] for d in listed]
    nothing = {"OCL_ICD_VENDORS": "/nonexistent", "CLADE_DEVICE": ""}
    assert [d["id"] for d in clade.json("devices", env=nothing)] == ["ref"]
    out, err = clade("run", SDPA, *ONE, env=nothing)
    assert "[[[[1.0 2.0 3.0 4.0]]]]" in out and "clade: note:" in err, err
    assert clade("run", SDPA, *ONE, "--quiet", env=nothing)[1] == ""
    clade("run", SDPA, *ONE, "--device", "cl", env=nothing, rc=4)
    clade("run", SDPA, *ONE, "--device", "cl:7.7", env=nothing, rc=2)


def test_opencl(clade):
    """the same bits on an OpenCL device, by number and by part of a name; --impl, --lock, --locked"""
    listed = [d for d in clade.json("devices") if d["id"] != "ref"]
    if not listed:
        return "no OpenCL device"
    case = GOLDEN["sdpa"][1]
    run = ["run", SDPA, *[word for name in "qkv" for word in ("--in", f"{name}={json.dumps(case[name])}")]]
    expected = clade.json(*run)
    assert clade.json(*run, "--device", "cl") == expected
    assert clade.json(*run, env={"CLADE_DEVICE": listed[0]["id"]}) == expected
    assert clade.json(*run, "--device", listed[0]["name"][1:9].upper()) == expected
    assert clade.json(*run, "--device", "cl", "--impl", "attention=ref") == expected
    clade(*run, "--device", "cl", "--impl", "attention=ref", "--lock", "choices.lock")
    lock = open(os.path.join(clade.folder, "choices.lock")).read()
    assert "ref" in lock, lock
    assert clade.json(*run, "--device", "cl", "--locked", "choices.lock") == expected
    clade.file("occupied", "a file, no folder")  # PoCL alone would give no device
    elsewhere = {"XDG_CACHE_HOME": os.path.join(clade.folder, "occupied"), "TMPDIR": clade.folder, "POCL_CACHE_DIR": ""}
    assert clade.json(*run, "--device", "cl", "--impl", "attention=ref", env=elsewhere) == expected


def test_check(clade):
    """check: summary, JSON, flatten, dot, explain, memory"""
    summary = clade("check", SDPA)[0]
    assert 'model "sdpa"' in summary and "q : f32[B, 1, T, 4]" in summary
    report = clade.json("check", SDPA, "--explain", "--dim", "B=1", "--dim=T=2", "--dim", "S=3")
    keys = {"model", "family", "parameters", "nodes", "weights_bytes", "arena_bytes", "state_bytes", "inputs", "outputs", "blocks", "steps", "copies"}
    assert keys <= set(report) and report["nodes"] == 1 and report["copies"] == {"count": 0, "bytes": 0}
    step = report["steps"][0]
    assert step["op"] == "attention" and step["impl"] == "ref" and {"path", "order", "origin", "refused"} <= set(step)
    flat_text = clade("check", SDPA, "--flatten")[0]
    assert clade("check", clade.file("flat.graph", flat_text), "--flatten")[0] == flat_text
    assert clade("check", SDPA, "--dot")[0].startswith("digraph")
    root = xml.etree.ElementTree.fromstring(clade("check", "dates", "--svg")[0])
    bars = [node for node in root.iter("{http://www.w3.org/2000/svg}rect") if node.get("class") == "node"]
    assert len(bars) == clade.json("check", "dates")["nodes"] and int(root.get("height")) > max(int(bar.get("y")) for bar in bars)
    assert [(i["name"], i["dtype"], i["shape"]) for i in report["inputs"]][0] == ("q", "f32", ["B", 1, "T", 4])
    texts = clade.json("check", SDPA, "--flatten", "--dot", "--svg", "--memory")
    assert texts["flatten"] == flat_text and texts["dot"].startswith("digraph") and texts["entries"][0]["name"] == "main"
    assert "plan of main" in clade("check", SDPA, "--memory")[0]
    assert "attention.ref" in clade("check", SDPA, "--explain")[0]


def test_verify(clade):
    """verify: made inputs, given inputs, JSON"""
    report = clade.json("verify", SDPA)
    assert report["ok"] is True and report["first_divergence"] is None and report["device"] == "ref"
    node = report["nodes"][0]
    assert {"path", "op", "impl", "order", "bit_equal", "max_ulp", "max_abs", "nmse", "ok"} <= set(node) and node["bit_equal"] is True
    assert "0 failed" in clade("verify", SDPA, *ONE)[0]
    if any(d["id"] != "ref" for d in clade.json("devices")):
        assert clade.json("verify", SDPA, "--device", "cl")["ok"] is True


def test_inspect(clade):
    """inspect: files, graphs, models"""
    weights = clade.file("w.safetensors", safetensors({"w": [1.0, 2.0, 3.0], "v": [[1.0]]}))
    report = clade.json("inspect", weights)
    assert report["format"] == "safetensors" and report["tokenizer"] is None
    assert [(t["name"], t["dtype"], t["shape"], t["bytes"]) for t in report["tensors"]] == [("w", "f32", [3], 12), ("v", "f32", [1, 1], 4)]
    assert "f32[3]" in clade("inspect", weights)[0] and "q : f32[B, 1, T, 4]" in clade("inspect", SDPA)[0]
    clade.file("a.npy", npy([[1, 2]], "i8"))
    assert clade.json("inspect", "a.npy")["tensors"][0]["dtype"] == "i64"
    report = clade.json("inspect", "dates")
    assert report["metadata"]["model_type"] == "dates" and report["tokenizer"]["model"] == "WordLevel"


def test_ops(clade):
    """ops: the reference, whole and of one op"""
    everything = clade.json("ops")
    names = [op["name"] for op in everything]
    assert names == sorted(names) and {"linear", "attention", "softmax", "cache_write"} <= set(names)
    for op in everything:
        assert op["block"] or any(impl["name"] == "ref" for impl in op["implementations"]), op["name"]
        assert op["doc"] and all(part["help"] for part in op["ports"] + op["attributes"]), op["name"]
    one = clade.json("ops", "attention")
    assert one in everything and [p["name"] for p in one["ports"] if p["direction"] == "in"][:3] == ["q", "k", "v"]
    assert clade("ops")[0].count("\n") == len(names) and "causal" in clade("ops", "attention")[0]


def test_tokenize(clade):
    """tokenize: text, file, stdin, the way back"""
    ids = clade("tokenize", "dates", "--text", "the 3rd of March, 1998")[0]
    assert ids == "34 22 19 4 8 32 18 4 29 20 4 27 15 32 17 22 41 4 6 14 14 13 2\n"
    assert clade("tokenize", "dates", "--no-special", "--text", "the")[0] == "34 22 19\n"
    assert clade("tokenize", "dates", text="the")[0] == clade("tokenize", "dates", clade.file("t", "the"))[0] == "34 22 19 2\n"
    assert clade("tokenize", "dates", "/dev/stdin", text="the")[0] == "34 22 19 2\n"  # a pipe, as a shell's <(...)
    assert clade("tokenize", "dates", "--decode", "34,22,19")[0] == "the\n"
    assert clade.json("tokenize", "dates", "--text", "a") == {"ids": [15, 2], "tokens": ["a", "</s>"]}


DATES = ["the 3rd of March, 1998", "Tuesday, March 3 1998", "31/12/1999", "sept. 9, '45", "1 May 2004"]


def test_generate(clade):
    """generate: one prompt from anywhere, many in batches, ids; any batch gives the same"""
    one = ["generate", "dates"]
    assert clade(*one, "--prompt", DATES[0])[0] == "1998-03-03\n"
    assert clade(*one, text=DATES[0] + "\n")[0] == "1998-03-03\n"
    assert clade(*one, "--prompt-file", clade.file("p", DATES[0]))[0] == "1998-03-03\n"
    ids = clade("tokenize", "dates", "--text", DATES[0])[0].strip().replace(" ", ",")
    assert clade(*one, "--ids", ids)[0] == "1998-03-03\n"
    new = clade(*one, "--ids", ids, "--print-ids")[0].strip().replace(" ", ",")
    assert clade("tokenize", "dates", "--decode", new)[0] == "1998-03-03\n"
    lines = clade.file("lines", "\n".join(DATES) + "\n")
    answers = clade(*one, "--lines", lines)[0].splitlines()
    assert answers == [clade(*one, "--prompt", text)[0].strip() for text in DATES]
    for size in ("1", "2", "3"):
        assert clade(*one, "--lines", "-", "--batch", size, text="\n".join(DATES))[0].splitlines() == answers
    assert clade(*one, "--prompt", DATES[0], "-n", "4")[0] == "1998\n" == clade(*one, "--prompt", DATES[0], "-n4", "--temp", "0")[0]
    assert clade(*one, "--prompt", DATES[0], "-n", "0")[0] == "\n"
    start = time.monotonic()
    setup, prompt, new = re.fullmatch(r"setup: ([\d.]+) s .*\nprompt: 2 tokens in ([\d.]+) s, [\d.]+ tokens/s\n"
                                      r"generation: \d+ tokens, \d+ of them in ([\d.]+) s, [\d.]+ tokens/s\n", clade(*one, "--prompt", "a", "--stats")[1]).groups()
    assert 0 < float(setup) and float(setup) + float(prompt) + float(new) < time.monotonic() - start
    if any(d["id"] != "ref" for d in clade.json("devices")):
        assert clade(*one, "--lines", lines, "--device", "cl")[0].splitlines() == answers


def make_decoders(clade, rng):
    """two models with random weights and words w0 to w16: one with caches, one without"""
    weights = {name: [[rng.gauss(0, 1) for _ in range(8)] for _ in range(17 if name in ("table", "head") else 8)] for name in ("table", "wq", "wk", "wv", "wo", "head")}
    words = {f"w{i}": i for i in range(17)}
    tokenizer = {"model": {"type": "WordLevel", "vocab": words, "unk_token": "w0"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    for name in ("cached", "whole"):
        os.mkdir(os.path.join(clade.folder, name))
        with open(os.path.join(SOURCE, f"tests/tools/{name}.graph")) as file:
            clade.file(f"{name}/model.graph", file.read())
        clade.file(f"{name}/model.safetensors", safetensors(weights))
        clade.file(f"{name}/tokenizer.json", json.dumps(tokenizer))


def test_decoder(clade):
    """generate with a decoder alone: cached or not, in any batch, on any device, the same"""
    rng = random.Random(3)
    make_decoders(clade, rng)
    prompts = [" ".join(f"w{rng.randrange(17)}" for _ in range(length)) for length in (1, 7, 3, 3, 12, 2, 23)]
    lines = clade.file("lines", "\n".join(prompts) + "\n")
    alone = [clade("generate", "whole", "--prompt", prompt)[0].strip() for prompt in prompts]
    assert any(alone) and len(set(alone)) > 3, alone
    devices = ["ref"] + (["cl"] if any(d["id"] != "ref" for d in clade.json("devices")) else [])
    for name in ("cached", "whole"):
        for device in devices:
            for batch in ("1", "3", "7"):
                got = clade("generate", name, "--lines", lines, "--batch", batch, "--device", device)[0].splitlines()
                assert got == alone, (name, device, batch, got, alone)
    ids = ",".join(word[1:] for word in prompts[1].split())
    new = clade("generate", "cached", "--ids", ids, "--print-ids")[0].split()
    assert [f"w{i}" for i in new] == alone[1].split()
    assert len(clade("generate", "cached", "--ids", ids, "--print-ids", "--ignore-eos")[0].split()) == 24 - 7
    assert len(clade("generate", "cached", "--ids", ids, "--print-ids", "--ignore-eos", "-n", "5", "--context", "9")[0].split()) == 2
    assert "24" in clade("generate", "cached", "--ids", ",".join(["1"] * 25), "--print-ids", rc=3)[1]
    assert clade("generate", "cached", "--prompt", "", "-n", "1", "--print-ids")[0] == clade("generate", "cached", "--ids", "1", "-n", "1", "--print-ids")[0]
    assert "empty" in clade("generate", "whole", "--prompt", "", rc=3)[1]
    os.unlink(os.path.join(clade.folder, "cached/tokenizer.json"))
    assert "--print-ids" in clade("generate", "cached", "--ids", "1", rc=3)[1]
    assert "--ids" in clade("generate", "cached", "--prompt", "w1", rc=3)[1]


def test_kept(clade):
    """keys and values as f16: half of the memory, of which one byte is a mask; the same logits on every device"""
    states = [clade.json("check", "dates", "--context", "64", "--kv-type", kind)["state_bytes"] for kind in ("f32", "f16")]
    assert states[0] - 1 == 2 * (states[1] - 1), states
    source = ["--in", "input_ids=[[5,6,7,8,9]]", "--in", "decoder_input_ids=[[1,2,3]]"]
    outputs = [clade.json("run", "dates", *source, *options)["outputs"]["logits"]["data"] for options in
               (["--kv-type", "f32"], *(["--kv-type", "f16", "--device", d["id"]] for d in clade.json("devices")))]
    assert all(got == outputs[1] for got in outputs[1:]) and outputs[0] != outputs[1]
    close_to(outputs[0], outputs[1], 1e-2)
    for options in ([], ["--beams", "3"]):
        assert clade("generate", "dates", "--prompt", DATES[0], "--kv-type", "f16", *options)[0] == "1998-03-03\n"
    assert clade.json("verify", "dates", "--kv-type", "f16")["ok"]
    clade("plot", "attention", "dates", "--prompt", DATES[0], "--kv-type", "f16", "-o", "weights.svg")


def test_sampling(clade):
    """the same seed gives the same text on any device, in any batch, cached or not; stop strings; penalties"""
    rng = random.Random(4)
    make_decoders(clade, rng)
    prompts = [" ".join(f"w{rng.randrange(17)}" for _ in range(length)) for length in (1, 9, 4, 4, 12)]
    lines = clade.file("lines", "\n".join(prompts) + "\n")
    devices = ["ref"] + (["cl"] if any(d["id"] != "ref" for d in clade.json("devices")) else [])
    draw = ["--temp", "1.5", "--top-k", "12", "--top-p", "0.95", "--min-p", "0.01", "--repeat-penalty", "1.1", "--presence-penalty", "0.2",
            "--frequency-penalty", "0.1", "--ignore-eos"]
    texts = {}
    for seed in ("1", "2"):
        want = None
        for name, device, batch in [(n, d, b) for n in ("cached", "whole") for d in devices for b in ("2", "5")]:
            got, err = clade("generate", name, "--lines", lines, "--batch", batch, "--device", device, "--seed", seed, *draw)
            assert want in (None, got) and "seed" not in err, (name, device, batch, got, want)
            want = got
        texts[seed] = want
    assert texts["1"] != texts["2"]
    one = ["generate", "whole", "--prompt", prompts[1], "--ignore-eos"]
    alone = clade(*one, "--seed", "1", *draw)[0].strip()
    assert len(alone.split()) == 24 - 9
    out, err = clade(*one, *draw)
    told = re.search(r"--seed (\d+)", err).group(1)
    assert clade(*one, *draw, "--seed", told)[0] == out
    greedy = clade(*one)[0].strip()
    assert clade(*one, "--temp", "2", "--top-k", "1", "--seed", "3")[0].strip() == greedy
    assert clade(*one, "--frequency-penalty", "100")[0].split() == list(dict.fromkeys(clade(*one, "--frequency-penalty", "100")[0].split()))
    # stop strings: across the border of tokens, several, none found, in lines, with ids
    words = alone.split()
    last = max(i for i, word in enumerate(words) if i > 2 and f"{words[i - 1][-1]} {word}" not in " ".join(words[:i]))
    cut = f"{words[last - 1][-1]} {words[last]}"
    seeded = [*draw, "--seed", "1"]
    assert clade(*one, *seeded, "--stop", "nothing like this", "--stop", cut)[0].rstrip("\n") == alone[:alone.index(cut)]
    assert clade(*one, *seeded, "--stop", words[0])[0] == "\n"
    assert clade(*one, *seeded, "--stop", "nothing like this", "--stop", alone + " w")[0].strip() == alone
    ids = clade(*one, *seeded, "--stop", cut, "--print-ids")[0].split()
    assert [f"w{i}" for i in ids] == words[:last + 1]
    every = clade("generate", "whole", "--lines", lines, *seeded)[0].splitlines()
    stop = every[3].split()[2]
    assert clade("generate", "whole", "--lines", lines, *seeded, "--stop", stop)[0].splitlines() == [line.split(stop)[0] for line in every]
    for args, word in ((["--stop", ""], "empty"), (["--top-p", "1.5"], "top-p"), (["--min-p", "x"], "min-p"), (["--repeat-penalty", "0"], "repeat-penalty")):
        assert word in clade(*one, *args, rc=2)[1]


def test_no_room(clade):
    """a model larger than memory is refused before it is read, with the numbers: exit 5"""
    rows = 1 << 28
    path = clade.file("huge.safetensors", b"")
    head = json.dumps({"table": {"dtype": "F32", "shape": [rows, 1024], "data_offsets": [0, rows * 4096]}}).encode()
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + rows * 4096)  # a hole
    graph = clade.file("huge.graph", f"clade 1\nmodel \"huge\"\ndim T : run\nweight table : f32[{rows}, 1024]\n"
                       "entry main {\n  input ids : i32[T]\n  output y : f32[T, 1024] = embedding(ids, table)\n}\n")
    for device in ["ref"] + (["cl"] if any(d["id"] != "ref" for d in clade.json("devices")) else []):
        err = clade("run", graph, "--weights", path, "--in", "ids=[1]", "--device", device, rc=5)[1]
        assert "1024.0 GiB" in err and "nothing has been loaded" in err and "CLADE-215" in err, err


def test_stdout(clade):
    """a full or closed stdout is an error, not a crash; a closed pipe too"""
    for args in (["help"], ["ops"], ["run", SDPA, *ONE], ["run", SDPA, *ONE, "--json"], ["generate", "dates", "--prompt", "1 May 2004"], ["check", SDPA], ["devices", "--json"]):
        with open("/dev/full", "w") as full:
            err = clade(*args, rc=3, stdout=full)[1]
            assert "stdout" in err, (args, err)
        closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", PROGRAM, *args], env=clade.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert closed.returncode == 3 and closed.stderr.count(b"clade: error:") == 1, closed
        read, write = os.pipe()
        os.close(read)
        clade(*args, rc=3, stdout=write)
        os.close(write)
    clade("run", SDPA, *ONE, "--out", "y=y.npy")
    assert "No space" in clade("run", SDPA, *ONE, "--out", "y=/dev/full", rc=3)[1]
    before = sorted(os.listdir(clade.folder))
    clade("run", SDPA, *ONE, "--out", "y=no/such/folder.npy", rc=3)
    assert sorted(os.listdir(clade.folder)) == before


def test_interrupt(clade):
    """SIGINT: exit 130, what was made is there"""
    waiting = clade.start("generate", "dates", "--lines", "-", stdin=subprocess.PIPE)
    time.sleep(0.5)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(timeout=30) == 130
    endless = clade.start("generate", "dates", "--prompt", DATES[0], "--ignore-eos", "-n", "1000000", "--context", "1000001", "--print-ids")
    first = endless.stdout.read(16)
    endless.send_signal(signal.SIGINT)
    rest, err = endless.communicate(timeout=60)
    assert endless.returncode == 130 and len(first) == 16 and b"error" not in err, (endless.returncode, err)
    assert (first + rest).endswith(b"\n")
    ended = clade.start("generate", "dates", "--lines", "-", stdin=subprocess.PIPE)
    time.sleep(0.5)
    ended.terminate()  # as SIGINT, so that nothing is left behind half written
    assert ended.wait(timeout=30) == 128 + signal.SIGTERM


def test_environment(clade):
    """no HOME, a read-only cache, colours: a run still works"""
    bare = {k: v for k, v in clade.env.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    result = subprocess.run([PROGRAM, "run", SDPA, *ONE], env=bare, capture_output=True, cwd=clade.folder)
    assert result.returncode == 0 and b"clade: note: no cache" in result.stderr, result
    clade("run", SDPA, *ONE, env={"XDG_CACHE_HOME": "relative"})
    clade("run", SDPA, *ONE, env={"XDG_CACHE_HOME": "/proc/nothing", "TMPDIR": clade.folder})
    assert "\x1b" not in clade("run", rc=2, env={"NO_COLOR": "1"})[1]
    clade.file("occupied", "a file, no folder")
    temporary = os.path.join(clade.folder, "temporary")
    os.mkdir(temporary)
    elsewhere = {"XDG_CACHE_HOME": os.path.join(clade.folder, "occupied"), "TMPDIR": temporary}
    note = "kept in " + os.path.join(temporary, f"clade-{os.geteuid()}")
    assert note in clade("run", SDPA, *ONE, env=elsewhere)[1]
    folder = os.path.join(temporary, f"clade-{os.geteuid()}")
    assert os.stat(folder).st_mode & 0o777 == 0o700
    os.chmod(folder, 0o755)  # somebody else might look in: not used
    assert "kept in" not in clade("run", SDPA, *ONE, env=elsewhere)[1]


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    wanted = sys.argv[3:]
    sys.exit(main([t for t in tests if not wanted or t.__name__ in wanted], PROGRAM, "program"))
