#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Marian's tokenizer (marian/source.spm and vocab.json) against transformers' MarianTokenizer. usage: test_marian.py PROGRAM SOURCE_ROOT"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

from program import Program

HERE = pathlib.Path(__file__).resolve().parent / "marian"


def main():
    golden, wrong = json.loads((HERE / "golden.json").read_text()), 0
    with tempfile.TemporaryDirectory() as folder:
        clade, model = Program(os.path.abspath(sys.argv[1]), folder), pathlib.Path(folder) / "model"
        model.mkdir()
        for file in ("source.spm", "vocab.json"):
            shutil.copy(HERE / file, model)
        for file in ("config.json", "model.safetensors"):
            shutil.copy(pathlib.Path(sys.argv[2]) / "tests/families/marian" / file, model)
        for row in golden["rows"]:
            if "ids" in row:
                got, expected = clade("tokenize", str(model), "--json", text=row["text"])[0], row["ids"]
                got = json.loads(got)["ids"]
            else:
                got = clade("tokenize", str(model), "--decode", ",".join(map(str, row["decode"])))[0].rstrip("\n").strip(" ")
                expected = row["text"]
            if got != expected:
                wrong += 1
                print(row, "\n  got", got)
        broken = model / "vocab.json"
        vocab = json.loads(broken.read_text())
        for change in ({"</s>": len(vocab)}, {"</s>": -1}, {"</s>": 5}, {"</s>": "0"}):
            broken.write_text(json.dumps({**vocab, **change}))
            clade("tokenize", str(model), "--text", "the", rc=3)
        broken.write_text(json.dumps({key: value for key, value in vocab.items() if key != "<pad>"}))
        clade("tokenize", str(model), "--text", "the", rc=3)
        broken.write_text("[]")
        clade("tokenize", str(model), "--text", "the", rc=3)
    print(f"{len(golden['rows']) - wrong} of {len(golden['rows'])} as transformers {golden['transformers']} has them")
    sys.exit(wrong > 0)


main()
