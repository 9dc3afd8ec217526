#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the original g2p-id-bert (bert_mlm.onnx in ONNX Runtime) says of every word of its lexicon that has an `e`, for test_lexicon.
usage: make_lexicon.py DATA_FOLDER > lexicon.json      Needs onnxruntime and numpy.
"""
import hashlib
import json
import pathlib
import sys

import numpy
import onnxruntime

LENGTH, MASK, E, SCHWA, FIRST = 32, 30, 18, 4, 64

folder = pathlib.Path(sys.argv[1]) / "g2p-id-bert"
numbers = json.loads((folder / "token2id.json").read_text(encoding="utf-8"))
words, spoken = [], []
for line in (folder / "lexicon_id.tsv").read_text(encoding="utf-8").splitlines():
    word, phonemes = line.split("\t")
    if "e" in word:
        words.append(word.replace("x", "ks"))
        spoken.append("".join("s" if p == "ə" else "e" for p in phonemes.split() if p in ("e", "ə")))
ids = numpy.zeros((len(words), LENGTH), numpy.int64)
for row, word in zip(ids, words):
    row[:len(word)] = [MASK if letter == "e" else numbers[letter] for letter in word]
session = onnxruntime.InferenceSession(folder / "bert_mlm.onnx", providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
scores = numpy.concatenate([session.run(None, {name: ids[i:i + 256]})[0] for i in range(0, len(ids), 256)])
chosen = ["".join("s" if row[SCHWA] > row[E] else "e" for row in rows[mask]) for rows, mask in zip(scores, ids == MASK)]
gaps = numpy.abs(scores[..., SCHWA] - scores[..., E])[ids == MASK]
print(json.dumps({
    "made": "tests/models/make_lexicon.py", "onnxruntime": onnxruntime.__version__,
    "words": len(words), "choices": sum(map(len, chosen)),
    "right_words": sum(map(str.__eq__, chosen, spoken)), "right_choices": sum(a == b for c, s in zip(chosen, spoken) for a, b in zip(c, s)),
    "least_gap": float(f"{gaps.min():.3g}"), "sha256": hashlib.sha256(" ".join(chosen).encode()).hexdigest(),
    "first_schwa": [float(f"{p:.7f}") for p in scores[:FIRST, :, SCHWA][ids[:FIRST] == MASK]]}, indent=1))
