#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade plot and clade run --watch. Usage: test_plot.py PROGRAM SOURCE"""
import math
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

from program import main

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SDPA = os.path.join(SOURCE, "examples/sdpa.graph")
SVG = "{http://www.w3.org/2000/svg}"
QKV = ["--in", "q=[[[[1,0,0,0],[0,1,0,0]]]]", "--in", "k=[[[[1,0,0,0],[0,1,0,0]]]]", "--in", "v=[[[[1,2,3,4],[5,6,7,8]]]]"]


def maps_of(text):
    """Of each map its title and its cells {(row, column): colour}."""
    root = ElementTree.fromstring(text)
    maps = []
    for group in root.iter(SVG + "g"):
        title = group.find(SVG + "title")
        if title is None:
            continue
        cells = {}
        for path in group.iter(SVG + "path"):
            for column, row, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path.get("d")):
                for c in range(int(column), int(column) + int(width)):
                    assert (int(row), c) not in cells, "a cell is drawn twice"
                    cells[int(row), c] = path.get("fill")
        maps.append((title.text, cells))
    return root, maps


def labels_of(root):
    return ["".join(text.itertext()) for text in root.iter(SVG + "text")]


def test_numbers(clade):
    """one head of the graph of CLI.md: the softmax's values stand in the cells"""
    root, maps = maps_of(clade("plot", "attention", SDPA, *QKV, "--head", "0")[0])
    low = 1 / (1 + math.exp(0.5))  # scores 0 and 1 / sqrt(4)
    assert len(maps) == 1 and len(maps[0][1]) == 4
    numbers = [text for text in labels_of(root) if re.fullmatch(r"\d\.\d\d", text)]
    assert numbers[:4] == ["1.00", "0.00", f"{low:.2f}", f"{1 - low:.2f}"], numbers
    cells = maps[0][1]
    shade = {place: int(color[1:3], 16) for place, color in cells.items()}
    assert shade[0, 0] < shade[1, 1] < shade[1, 0] < shade[0, 1], "more weight is darker"


def test_all_heads(clade):
    """dates: every layer and head, each with its tokens, causal triangles empty"""
    root, maps = maps_of(clade("plot", "attention", "dates", "--prompt", "3 May 2001", "--kind", "self")[0])
    tokens = ["<s>", *"2001-05-03"]
    assert len(maps) == 2 * 4 and all(len(cells) == len(tokens) ** 2 for _, cells in maps)
    assert [label for label in labels_of(root) if label in tokens][:len(tokens)] == tokens
    empty = maps[0][1][0, len(tokens) - 1]
    for _, cells in maps:
        assert all(cells[r, c] == empty for r in range(len(tokens)) for c in range(r + 1, len(tokens)))
        assert all(any(cells[r, c] != empty for c in range(r + 1)) for r in range(len(tokens)))
    root, cross = maps_of(clade("plot", "attention", "dates", "--prompt", "3 May 2001")[0])
    assert len(cross) == 8 and "cross/" in cross[0][0] and len(cross[0][1]) == len(tokens) * 11
    assert labels_of(root).count("</s>") == 8 and "␣" in labels_of(root)
    encoder = maps_of(clade("plot", "attention", "dates", "--prompt", "3 May 2001", "--entry", "encode", "--layer", "1")[0])[1]
    assert len(encoder) == 4 and all("encoder_layers.1" in title or title.startswith("head") for title, _ in encoder)
    assert clade("plot", "attention", "dates", "--ids", "5,6,7", "-o", "a.svg")[0] == ""
    with open(os.path.join(clade.folder, "a.svg"), encoding="utf-8") as file:
        assert len(maps_of(file.read())[1]) == 8


def test_window(clade):
    """a model whose caches are rings: keys outside of the window have no weight"""
    window = 5
    folder = os.path.join(SOURCE, "tests/families/mistral")
    ids = [str(3 + i % 5) for i in range(30)]
    maps = maps_of(clade("plot", "attention", folder, "--ids", ",".join(ids))[0])[1]
    assert len(maps) > 1
    for _, cells in maps:
        empty = cells[0, 29]
        assert all(cells[r, c] == empty for r in range(30) for c in range(30) if c > r or c <= r - window)


def test_positional(clade):
    """the table of sines and cosines, coloured by value"""
    root, maps = maps_of(clade("plot", "positional-encoding", "--length", "20", "--width", "12")[0])
    cells = maps[0][1]
    assert len(maps) == 1 and len(cells) == 240 and "20 positions" in labels_of(root)[0]
    value = {}
    for p in range(20):
        for i in range(12):
            angle = p / 10000 ** (i // 2 * 2 / 12)
            value.setdefault(cells[p, i], []).append(math.cos(angle) if i % 2 else math.sin(angle))
    assert all(max(group) - min(group) <= 2.01 / 48 for group in value.values()), "a colour is a narrow range of values"
    halves = maps_of(clade("plot", "positional-encoding", "--length", "20", "--width", "12", "--layout", "halves")[0])[1][0][1]
    assert all(halves[p, i] == cells[p, 2 * i] and halves[p, 6 + i] == cells[p, 2 * i + 1] for p in range(20) for i in range(6))


def test_watch(clade):
    """run --watch gives what blocks hide, bit for bit what flows through them"""
    run = ["run", "dates", "--in", "input_ids=[[5,6,7]]", "--in", "decoder_input_ids=[[1,9]]"]
    plain = clade.json(*run)["outputs"]
    seen = clade.json(*run, "--watch", "attention.weights", "--watch", "decoder_layers.1/**/h")["outputs"]
    weights = {name: value for name, value in seen.items() if name.endswith("weights")}
    assert len(weights) == 3 + 2 * 2 and seen["logits"] == plain["logits"] and "decoder_layers.1/x/ffn/h" in seen
    cross = [value for name, value in weights.items() if "/cross/" in name]
    assert [value["shape"] for value in cross] == [[1, 4, 2, 3]] * 2
    for row in cross[0]["data"][0][0]:
        assert abs(sum(row) - 1) < 1e-6


def test_errors(clade):
    """each names what is wrong and what there is"""
    cases = [
        (["plot"], "usage: clade plot"), (["plot", "atention", "dates"], "did you mean attention"), (["plot", "attention"], "takes one MODEL"),
        (["plot", "positional-encoding", "dates"], "takes no MODEL"), (["plot", "positional-encoding", "--layout", "half"], "neither"),
        (["plot", "attention", "dates"], "--prompt"), (["plot", "attention", "dates", "--prompt", "1", "--head", "4"], "heads 0 to 3"),
        (["plot", "attention", "dates", "--prompt", "1", "--layer", "2"], "layer 2"),
        (["plot", "attention", "dates", "--prompt", "1", "--entry", "encode", "--kind", "cross"], "no cross-attention"),
        (["run", SDPA, *QKV, "--watch", "weihgts"], "did you mean 'weights'"), (["plot", "attention", SDPA, "--in", "qq=1"], "no input"),
    ]
    for args, text in cases:
        err = clade(*args, rc=2)[1]
        assert text in err, (args, err)
    err = clade("plot", "positional-encoding", "--width", "7", rc=2)[1]
    assert "even" in err


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")], PROGRAM, "plot"))
