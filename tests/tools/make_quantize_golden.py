#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Greedy ids of llama.cpp (llama-cpp-python 0.3.36) on what `clade quantize` makes of the tiny models in tests/families.
Usage: make_quantize_golden.py PROGRAM FAMILIES OUT.json, with a Python that has llama_cpp."""
import json
import os
import subprocess
import sys
import tempfile

from llama_cpp import Llama

# a window is what llama.cpp does not know of these architectures
CASES = {"llama": [], "llama-linear": [], "llama-llama3": [], "mistral": ["window=0"], "mixtral": ["window=0"], "qwen2": ["windowed=false"], "gpt2": []}
PROMPT = [3, 5, 7, 11]


def greedy(path, count):
    model = Llama(path, n_ctx=64, verbose=False, n_threads=1)
    ids = []
    for token in model.generate(PROMPT, temp=0.0, top_k=1, repeat_penalty=1.0):
        ids.append(int(token))
        if len(ids) == count:
            return ids


def main(program, families, out):
    golden = {"prompt": PROMPT, "cases": []}
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in CASES.items():
            for kind in ["q8_0", "q4_0"]:
                path = os.path.join(folder, "model.gguf")
                sets = [word for setting in settings for word in ("--set", setting)]
                subprocess.run([program, "quantize", os.path.join(families, name), "--type", kind, "-o", path, *sets], check=True)
                golden["cases"].append({"model": name, "type": kind, "set": sets, "ids": greedy(path, 32)})
    with open(out, "w") as file:
        file.write("{\"prompt\": %s, \"cases\": [\n" % json.dumps(PROMPT))
        file.write(",\n".join("  " + json.dumps(case) for case in golden["cases"]) + "\n]}\n")


main(*sys.argv[1:])
