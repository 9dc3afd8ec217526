#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Beam search of the program against transformers' ids (beams_golden.json) on the tiny models of tests/families; options that do not go together.
usage: test_beams.py PROGRAM SOURCE_ROOT DEVICE [MODEL CASES]"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

from program import Program

HERE = pathlib.Path(__file__).resolve().parent


class Models:
    """Copies of the families' folders, each with the generation_config.json of a case."""

    def __init__(self, root, folder):
        self.root, self.folder, self.known = pathlib.Path(root), pathlib.Path(folder), {}

    def __call__(self, name, config):
        text = json.dumps(config, sort_keys=True)
        if (name, text) not in self.known:
            copy = self.folder / f"{name}-{len(self.known)}"
            copy.mkdir()
            for file in ("config.json", "model.safetensors"):
                shutil.copy(self.root / "tests/families" / name / file, copy)
            (copy / "generation_config.json").write_text(text)
            self.known[name, text] = str(copy)
        return self.known[name, text]


def ids_of(text):
    return [int(word) for word in text.split()]


def main():
    path, root, device = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
    golden = json.loads((HERE / "beams_golden.json").read_text())
    cases = golden["cases"]
    if len(sys.argv) > 4:
        cases = [case for case in cases if case["model"] == sys.argv[4]]
        cases = cases[::len(cases) // int(sys.argv[5])]
    with tempfile.TemporaryDirectory() as folder:
        clade, models, wrong = Program(path, folder), Models(root, folder), 0
        for case in cases:
            got = ids_of(clade("generate", models(case["model"], case["config"]), "--ids", ",".join(map(str, case["prompt"])), "--print-ids",
                               "-n", str(golden["new"]), "--device", device, *case["options"])[0])
            if got != case["ids"]:
                wrong += 1
                print(case["model"], *case["options"], "prompt", case["prompt"], "\n  got     ", got, "\n  expected", case["ids"])
        model = models("gpt2", {"eos_token_id": 3, "early_stopping": True, "length_penalty": 2.0})
        clade("generate", model, "--ids", "5,6", "--print-ids", "-n", "3", "--beams", "2", "--temp", "1", rc=2)
        clade("generate", model, "--ids", "5,6", "--print-ids", "-n", "3", "--length-penalty", "2", rc=2)
        clade("generate", model, "--ids", "5,6", "--print-ids", "-n", "3", "--beams", "2", "--early-stopping", "perhaps", rc=2)
        clade("generate", model, "--ids", "5,6", "--print-ids", "-n", "3", "--beams", "300", rc=2)
        words = models("gpt2", {"eos_token_id": 3, "bad_words_ids": [[4, 5]]})
        clade("generate", words, "--ids", "5,6", "--print-ids", "-n", "3", rc=3)
        # longer than the positions that the model has learned
        bart = models("bart", {"eos_token_id": 2, "decoder_start_token_id": 2})
        long = ",".join(["5"] * 71)
        clade("generate", bart, "--ids", long, "--print-ids", "-n", "3", rc=3)
        rows = [[5] * 71]
        clade("run", bart, "--in", "input_ids=[[5, 6]]", "--in", f"decoder_input_ids={rows}", rc=3)
        bert = models("bert", {})
        context = json.loads((pathlib.Path(bert) / "config.json").read_text())["max_position_embeddings"]
        clade("run", bert, "--in", f"input_ids={[[5] * context]}")
        clade("run", bert, "--in", f"input_ids={[[5] * (context + 1)]}", rc=3)
    print(f"{len(cases) - wrong} of {len(cases)} answers equal to transformers {golden['transformers']} on {device}")
    sys.exit(wrong > 0)


main()
