# SPDX-License-Identifier: MIT
"""expected.json: a fixed batch through the model in float64.

    python make_expected.py [--model FOLDER]

The weights are the float32 ones of model.safetensors, the positions the
float32 table; everything else is computed in float64.
"""
import argparse
import json
import os

import torch
from tokenizers import Tokenizer

import dates_data as dd
import model as mm

DATES = [
    ("the 3rd of March, 1998", "1998-03-03"),
    ("Tuesday, March 3 1998", "1998-03-03"),
    ("31/12/1999", "1999-12-31"),
    ("19980304", "1998-03-04"),
    ("Sept. 9, '45", "2045-09-09"),
    ("the twenty-first of June, nineteen sixty-nine", "1969-06-21"),
    ("  2 Febuary   04", "2004-02-02"),
    ("date: \u2605 14.7.89", "1989-07-14"),
]

ap = argparse.ArgumentParser()
ap.add_argument("--model", default=dd.HERE)
a = ap.parse_args()
torch.set_num_threads(1)
model = mm.load(a.model).double()
tokenizer = Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
texts = [s for name in ("heldout.tsv", "handwritten.tsv") for s, _ in dd.read_tsv(name)]
for s in texts + [s for s, _ in DATES]:
    assert tokenizer.encode(s).ids == dd.encode(s), s
src = mm.pad([dd.encode(s) for s, _ in DATES])
tgt = torch.tensor([[dd.BOS] + [dd.VOCAB[c] for c in iso] for _, iso in DATES])
with torch.no_grad():
    logits = model(src, tgt)
# answers as the float32 model gives them
greedy = mm.answers(mm.load(a.model), [s for s, _ in DATES])
with open(os.path.join(a.model, "expected.json"), "w", encoding="utf-8") as f:
    json.dump({
        "inputs": [s for s, _ in DATES],
        "input_ids": src.tolist(),
        "decoder_input_ids": tgt.tolist(),
        "logits_shape": list(logits.shape),
        "logits": [[[float("%.9g" % v) for v in p] for p in b] for b in logits.tolist()],
        "greedy": greedy,
    }, f, ensure_ascii=False)
    f.write("\n")
print(greedy == [iso for _, iso in DATES], greedy)
