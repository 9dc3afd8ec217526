#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade perplexity beside transformers: perplexity.py PROGRAM FOLDER TEXT [BYTES [CONTEXT STRIDE]...]

Runs the sliding window of Hugging Face's page on perplexity over the first BYTES (20000) of TEXT, for each pair of
context and stride (512 512, 512 256, 128 100, 64 5 on a tenth), in double precision and in float32, and prints both
beside clade's. Needs torch and transformers; exit 1 if a relative difference is above 1e-4."""
import json
import math
import subprocess
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

program, folder, path = sys.argv[1:4]
size = int(sys.argv[4]) if len(sys.argv) > 4 else 20000
numbers = [int(word) for word in sys.argv[5:]]
pairs = list(zip(numbers[::2], numbers[1::2])) or [(512, 512), (512, 256), (128, 100), (64, 5)]
with open(path, encoding="utf-8") as file:
    text = file.read(size)
tokenizer = AutoTokenizer.from_pretrained(folder)


def recipe(model, ids, context, stride):
    total, count, before = 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + context, ids.size(1))
        window = ids[:, begin:end]
        labels = window.clone()
        labels[:, :-(end - before)] = -100
        with torch.no_grad():
            loss = model(window, labels=labels).loss
        fresh = int((labels != -100).sum()) - 1
        if fresh > 0:
            total += float(loss) * fresh
            count += fresh
        before = end
        if end == ids.size(1):
            break
    return count, total / count


worst = 0.0
for context, stride in pairs:
    part = text if stride > 8 else text[:size // 10]
    ids = tokenizer(part, return_tensors="pt").input_ids
    results = {}
    for kind in (torch.float64, torch.float32):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=kind).eval()
        results[kind] = recipe(model, ids, context, stride)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(part)
        file.flush()
        run = subprocess.run([program, "perplexity", folder, file.name, "--context", str(context), "--stride", str(stride), "--json"], capture_output=True, text=True, check=True)
    got = json.loads(run.stdout)
    (count, exact), (_, single) = results[torch.float64], results[torch.float32]
    assert got["tokens"] == count, (got["tokens"], count)
    difference = abs(got["perplexity"] / math.exp(exact) - 1)
    worst = max(worst, difference)
    print(f"context {context}, stride {stride}, {count} tokens: clade {got['perplexity']:.8f}, transformers f64 {math.exp(exact):.8f}, f32 {math.exp(single):.8f}; relative {difference:.1e}")
sys.exit(0 if worst <= 1e-4 else 1)
