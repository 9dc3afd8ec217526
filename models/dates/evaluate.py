# SPDX-License-Identifier: MIT
"""Greedy answers for heldout.tsv and handwritten.tsv.

    python evaluate.py [--model FOLDER] [--out FILE] [--wrong] [NAME.tsv ...]

--out writes one answer a line, in the order of the files; --wrong prints
the lines missed.
"""
import argparse

import torch

import dates_data as dd
import model as mm

ap = argparse.ArgumentParser()
ap.add_argument("--model", default=dd.HERE)
ap.add_argument("--out")
ap.add_argument("--wrong", action="store_true")
ap.add_argument("files", nargs="*", default=["heldout.tsv", "handwritten.tsv"])
a = ap.parse_args()
torch.set_num_threads(1)
model = mm.load(a.model)
lines = []
for name in a.files:
    rows = dd.read_tsv(name)
    got = mm.answers(model, [s for s, _ in rows])
    lines += got
    right = sum(g == iso for g, (_, iso) in zip(got, rows))
    print("%s: %d of %d right (%.2f %%)" % (name, right, len(rows), 100 * right / len(rows)))
    if a.wrong:
        for g, (s, iso) in zip(got, rows):
            if g != iso:
                print("  %r: %s, should be %s" % (s, g, iso))
if a.out:
    with open(a.out, "w", encoding="utf-8") as f:
        f.writelines(g + "\n" for g in lines)
