#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good `dates` is, measured by clade itself: test_answers.py CLADE MODEL_FOLDER [DEVICE LINES].

Every line of heldout.tsv and handwritten.tsv goes through `clade generate dates --lines`. The answers must be PyTorch's
(answers.txt, made by evaluate.py --out), at least 99 % and 97 % of them exact. With DEVICE, only the first LINES lines.
"""
import pathlib
import subprocess
import sys

clade, folder = sys.argv[1], pathlib.Path(sys.argv[2])
device = ["--device", sys.argv[3]] if len(sys.argv) > 3 else []
sets = [(name, [line.split("\t") for line in (folder / name).read_text().splitlines()], share)
        for name, share in (("heldout.tsv", 0.99), ("handwritten.tsv", 0.97))]
pytorch = (folder / "answers.txt").read_text().splitlines()
lines = [text for _, rows, _ in sets for text, _ in rows]
if len(pytorch) != len(lines):
    sys.exit(f"answers.txt has {len(pytorch)} lines for {len(lines)} dates")
count = int(sys.argv[4]) if len(sys.argv) > 4 else len(lines)
result = subprocess.run([clade, "generate", str(folder), "--lines", "-", *device], input="\n".join(lines[:count]) + "\n",
                        capture_output=True, text=True)
got = result.stdout.splitlines()
if result.returncode or len(got) != count:
    sys.exit(f"exit {result.returncode}, {len(got)} answers: {result.stderr}")
different = [(text, a, b) for text, a, b in zip(lines, got, pytorch) if a != b]
for text, a, b in different[:10]:
    print(f"'{text}': clade {a}, PyTorch {b}")
failed = bool(different)
if count == len(lines):
    at = 0
    for name, rows, share in sets:
        right = sum(a == want for a, (_, want) in zip(got[at:], rows))
        at += len(rows)
        print(f"{name}: {right} of {len(rows)} right ({100 * right / len(rows):.2f} %), at least {100 * share:.0f} % wanted")
        failed |= right < share * len(rows)
print(f"{count - len(different)} of {count} answers equal PyTorch's")
sys.exit(failed)
