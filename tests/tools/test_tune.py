#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade tune, on an op whose fastest right candidate is known. Usage: test_tune.py PROGRAM SOURCE PLUGIN [opencl]"""
import os
import sys

from program import gguf, main

PROGRAM = os.path.abspath(sys.argv[1])
PLUGIN = ["--plugin", os.path.abspath(sys.argv[3])]
DEVICE = ["--device", "ref"]
GRAPH = """clade 1
model "rigged"
dim T : run
entry main {
  input x : f32[T, 7]
  %sz = rigged(x)
  output y : f32[T, 7] = z
}
"""


def tune(clade, *args):
    return clade.json("tune", *args, "--budget", "60", *PLUGIN, *DEVICE)


def steps(clade, *args):
    report = clade.json("check", "rigged.graph", "--explain", "--dim", "T=8", *PLUGIN, *DEVICE, *args)
    [step] = [step for step in report["steps"] if step["op"] == "rigged"]
    return step["origin"], step["impl"], step["tuned"]


def winners(clade):
    [name] = [name for name in os.listdir(os.path.join(clade.env["XDG_CACHE_HOME"], "clade")) if name.startswith("tuned-")]
    return os.path.join(clade.env["XDG_CACHE_HOME"], "clade", name)


def test_search(clade):
    """the fastest right candidate wins; what is fast and wrong never does"""
    clade.file("rigged.graph", GRAPH % "")
    assert steps(clade) == ("first that accepts", "geared", "")
    report = tune(clade, "--op", "rigged", "--shape", "M=8,N=7")
    [node] = report["nodes"]
    assert (node["before"], node["winner"], node["found"]) == ("geared", "geared gear=3", True), node
    assert node["wrong"] >= 2 and node["seconds"] < 0.5 * node["before_seconds"]  # gear 5, and the liar
    assert node["nmse"] == 0 and report["fast"] is False
    assert report["file"] == winners(clade) and report["left"] == 0
    return None


def test_order(clade):
    """command line, lock file, pin, measured, first that accepts; and --no-tuned"""
    clade.file("rigged.graph", GRAPH % "")
    report = tune(clade, "rigged.graph")  # by the plans of a model
    assert report["found"] == len(report["nodes"]) == 6 and report["left"] == 0
    assert steps(clade) == ("measured", "geared", "gear=3")
    assert steps(clade, "--no-tuned") == ("first that accepts", "geared", "")
    assert steps(clade, "--impl", "rigged=ref") == ("command line", "ref", "")
    assert steps(clade, "--impl", "rigged=geared") == ("command line", "geared", "gear=3")  # its values stay
    clade.file("lock.txt", "clade-lock 1\nz = ref\n")
    assert steps(clade, "--locked", "lock.txt") == ("lock", "ref", "")
    clade.file("rigged.graph", GRAPH % '@impl("ref") ')
    assert steps(clade) == ("pin", "ref", "")
    assert steps(clade, "--impl", "rigged=geared") == ("command line", "geared", "gear=3")
    clade.file("rigged.graph", GRAPH % "")
    ran = ["run", "rigged.graph", "--in", "x=[[1,2,3,4,5,6,7]]"]
    assert clade.json(*ran, *PLUGIN, *DEVICE) == clade.json(*ran, "--no-tuned", *PLUGIN, *DEVICE)


def test_fast(clade):
    """winners among what --fast allows: within tolerance, kept apart, and used by runs with --fast only"""
    clade.file("rigged.graph", GRAPH % "")
    report = tune(clade, "--op", "rigged", "--shape", "M=8,N=7", "--fast")
    [node] = report["nodes"]
    assert (node["before"], node["winner"], node["found"], report["fast"]) == ("geared", "hasty", True, True), node
    assert node["key"].startswith("--fast rigged ") and 0 < node["nmse"] < 2e-3 and node["wrong"] >= 3  # the sloppy one, too
    assert steps(clade) == ("first that accepts", "geared", "")
    assert steps(clade, "--fast") == ("measured", "hasty", "")
    assert steps(clade, "--fast", "--no-tuned") == ("first that accepts", "geared", "")
    assert steps(clade, "--fast", "--impl", "rigged=geared") == ("command line", "geared", "")
    path = winners(clade)
    fast = open(path, encoding="utf-8").read()
    tune(clade, "--op", "rigged", "--shape", "M=8,N=7")
    both = open(path, encoding="utf-8").read()
    assert steps(clade) == ("measured", "geared", "gear=3") and steps(clade, "--fast") == ("measured", "hasty", "")
    # values of an implementation that a rule names come from the ordinary winner where the other names none
    assert steps(clade, "--fast", "--impl", "rigged=geared") == ("command line", "geared", "gear=3")
    ran = ["run", "rigged.graph", "--in", f"x={8 * [[1, 2, 3, 4, 5, 6, 7]]}", *PLUGIN, *DEVICE]
    assert clade.json(*ran) == clade.json(*ran, "--no-tuned")
    exact = clade.json(*ran)["outputs"]["y"]["data"]
    quick = clade.json(*ran, "--fast")["outputs"]["y"]["data"]
    assert exact == 8 * [[2, 3, 4, 5, 6, 7, 8]] and exact[:-1] == quick[:-1] and 8 < quick[-1][-1] < 8.01
    # files carry both kinds; a line that says of an exact run what --fast found is not believed
    ordinary = signed("".join(line for line in both.splitlines(True) if not line.startswith("--fast")))
    clade.file("ordinary.txt", ordinary)
    clade.file("fast.txt", fast)
    assert clade("tune", "merge", "ordinary.txt", "fast.txt")[0] == clade("tune", "export", *PLUGIN, *DEVICE)[0] == both
    os.remove(path)
    clade("tune", "import", "ordinary.txt", *PLUGIN, *DEVICE)
    assert steps(clade, "--fast") == ("measured", "geared", "gear=3")
    clade("tune", "import", "fast.txt", *PLUGIN, *DEVICE)
    assert steps(clade, "--fast") == ("measured", "hasty", "")
    os.remove(path)
    clade.file("forged.txt", signed(fast.replace("--fast ", "")))
    clade("tune", "import", "forged.txt", *PLUGIN, *DEVICE)
    assert steps(clade) == ("first that accepts", "geared", "")


def test_files(clade):
    """kept files: damaged ones and those of another driver are told and passed over; export, import, merge"""
    clade.file("rigged.graph", GRAPH % "")
    tune(clade, "--op", "rigged", "--shape", "M=8,N=7")
    path = winners(clade)
    text = open(path, encoding="utf-8").read()
    assert clade("tune", "export", *PLUGIN, *DEVICE)[0] == text
    damaged = [text[:-30], text[: len(text) // 2], "", text.replace("gear=3", "gear=2"), text.replace("clade-tuned 1", "clade-tuned 2"), text + "x\n"]
    for content in damaged + ["\0\n", text.replace("end ", "end  ")]:
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        out, err = clade("check", "rigged.graph", "--explain", "--dim", "T=8", *PLUGIN, *DEVICE)
        assert "first that accepts" in out and "measured winners are not used" in err, (content, err)
        clade.file("bad.txt", content)
        assert "CLADE-216" in clade("tune", "import", "bad.txt", *PLUGIN, *DEVICE, rc=3)[1], content
    os.remove(path)
    clade.file("good.txt", text)
    clade("tune", "import", "good.txt", *PLUGIN, *DEVICE)
    assert steps(clade) == ("measured", "geared", "gear=3")
    assert open(path, encoding="utf-8").read() == text
    os.chmod(path, 0o666)  # anyone's to write
    assert "not yours alone" in clade("check", "rigged.graph", "--explain", *PLUGIN, *DEVICE)[1]
    os.chmod(path, 0o600)
    other = signed(text.replace("driver 0", "driver 9"))
    clade.file("other.txt", other)
    assert "driver" in clade("tune", "import", "other.txt", *PLUGIN, *DEVICE, rc=3)[1]
    assert "measured on" in clade("tune", "merge", "good.txt", "other.txt", rc=3)[1]
    second = signed(text.replace("gear=3", "gear=2"))
    more = signed(text.replace("x:f32[8,8]", "x:f32[16,8]"))
    clade.file("second.txt", second)
    clade.file("more.txt", more)
    assert clade("tune", "merge", "good.txt", "second.txt")[0] == second  # the later one counts
    clade("tune", "merge", "second.txt", "good.txt", "more.txt", "-o", "all.txt")
    merged = open(os.path.join(clade.folder, "all.txt"), encoding="utf-8").read()
    assert merged.count("gear=3") == 2 and "gear=2" not in merged


def test_strange(clade):
    """winners that this program does not know: an implementation or a value that is gone is passed over"""
    clade.file("rigged.graph", GRAPH % "")
    tune(clade, "--op", "rigged", "--shape", "M=8,N=7")
    path = winners(clade)
    text = open(path, encoding="utf-8").read()
    for before, after in [("gear=3", "gear=77"), ("gear=3", "teeth=3"), ("geared gear=3", "gone"), ("gear=3", "gear=x")]:
        with open(path, "w", encoding="utf-8") as file:
            file.write(signed(text.replace(before, after)))
        assert steps(clade) == ("first that accepts", "geared", ""), after


def signed(text):
    """The text with the checksum that belongs to it."""
    body, value = text[: text.index("end ")], 0xCBF29CE484222325
    for byte in body.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{body}end {value:016x}\n"


def test_errors(clade):
    """words that do not fit"""
    cases = [
        (["tune"], "one MODEL or --op"), (["tune", "dates", "--op", "linear"], "one MODEL or --op"), (["tune", "--op", "lienar"], "did you mean linear"),
        (["tune", "import"], "takes one file"), (["tune", "merge", "a"], "two files"), (["tune", "dates", "--shape", "M=1"], "belongs to --op"),
        (["tune", "--op", "linear", "-o", "x"], "belongs to export"), (["tune", "--op", "linear", "--shape", "Q=1"], "M (or rows"),
        (["tune", "dates", "--budget", "0"], "--budget"), (["tune", "export", "--fast"], "is about measuring"),
    ]
    for args, text in cases:
        err = clade(*args, "--device", "ref", rc=2)[1]
        assert text in err, (args, err)
    assert "nothing to choose" in clade("tune", "--op", "linear", "--device", "ref")[1]


def kernels_are_right(clade):
    """all values of all tunables give the bits of ref"""
    work = [("linear", "M=29,N=97,K=300"), ("feed_forward", "M=13,D=70,F=97,E=33"), ("attention", "B=1,H=2,T=29,S=300,D=20"),
            ("attention", "B=1,H=3,T=1,S=700,D=20")]
    for op, shape in work:
        report = clade.json("tune", "--op", op, "--shape", shape, "--budget", "200", "--device", "cl")
        for node in report["nodes"]:
            assert node["wrong"] == 0 and node["candidates"] >= 7 and report["left"] == 0, node
    # the forms for GPUs accept on processors too, but nothing takes them unasked
    assert "nothing to choose" in clade("tune", "--op", "softmax", "--shape", "M=4,N=64", "--device", "cl")[1]


def blocks_of_stored_weights(clade):
    """blocks whose weights stay quantised are tuned by a model's plans, and compared with their bodies"""
    clade.file("w.gguf", gguf({"w1": ("q8_0", (96, 64)), "b1": ("f32", (96,)), "w2": ("q8_0", (64, 96))}))
    clade.file("block.graph", """clade 1
model "block"
include "lib/feed_forward.graph"
weight w1 : f32[96, 64]
weight b1 : f32[96]
weight w2 : f32[64, 96]
entry main {
  input x : f32[8, 64]
  output y : f32[8, 64] = feed_forward(x, w1, b1, w2)
}
""")
    report = clade.json("tune", "block.graph", "--weights", "w.gguf", "--budget", "200", "--device", "cl")
    assert report["passed"] == report["left"] == 0 and len(report["nodes"]) == 1, report
    for node in report["nodes"]:
        assert node["op"] == "feed_forward" and "w1:q8_0![96,64]" in node["key"], node
        assert node["wrong"] == 0 and node["candidates"] >= 2, node


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("test_")]
    sys.exit(main([kernels_are_right, blocks_of_stored_weights] if sys.argv[4:] == ["opencl"] else everything, PROGRAM, "tune"))
