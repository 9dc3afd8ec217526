#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sums up Meson's test logs: single cases where a program prints cmocka's summary, else the program as one case.

Prints what failed and why something was skipped, then the line "N passed, N failed, N skipped".
"""
import json
import pathlib
import re
import sys

RAN = re.compile(r"^\[==========\] .*?(\d+) test\(s\) run", re.M)
PASSED = re.compile(r"^\[  PASSED  \] (\d+) test", re.M)
FAILED = re.compile(r"^\[  FAILED  \] [^:]*?: ?(\d+) test", re.M)
SKIPPED = re.compile(r"^\[  SKIPPED \] [^:]*?: ?(\d+) test", re.M)
REASON = re.compile(r"^(?:clade-)?skip(?:ped)?: .*$", re.M | re.I)

passed = failed = skipped = 0
for path in map(pathlib.Path, sys.argv[1:]):
    if not path.exists():
        print(f"{path}: no log: the tests did not run")
        failed += 1
        continue
    for line in path.read_text(errors="replace").splitlines():
        test = json.loads(line)
        text = test.get("stdout", "") + "\n" + (test.get("stderr") or "")
        for reason in sorted(set(REASON.findall(text))):
            print(f"{test['name']}: {reason}")
        if test["result"] == "SKIP":
            skipped += 1
            if not REASON.search(text):
                print(f"{test['name']}: skipped without a reason")
                failed += 1
            continue
        bad = test["result"] not in ("OK", "EXPECTEDFAIL")
        ok_cases = sum(map(int, PASSED.findall(text)))
        bad_cases = sum(map(int, FAILED.findall(text)))
        skipped += sum(map(int, SKIPPED.findall(text)))
        if not RAN.search(text):
            ok_cases, bad_cases = (0, 1) if bad else (1, 0)
        if bad:
            bad_cases = max(bad_cases, 1)
            print(f"FAILED: {test['name']} ({test['result']}) in {path.parent.parent}")
        passed += ok_cases
        failed += bad_cases
if passed == 0:
    print("no test passed")
    failed += 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
