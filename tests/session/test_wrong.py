#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Verification can fail: test_wrong.py CLADE PLUGIN MODEL DEVICE.

The plugin's linear differs from reference C in the last bit of one element in a thousand. `clade verify` must exit 1 and
name exactly the node that used it; without it, it must exit 0.
"""
import json
import subprocess
import sys

clade, plugin, model, device = sys.argv[1:]
name = "wrong" if device == "ref" else "wrong.cl"


def verify(*options):
    result = subprocess.run([clade, "verify", model, "--device", device, "--json", *options], capture_output=True, text=True)
    return result, json.loads(result.stdout) if result.stdout else None


result, report = verify()
assert result.returncode == 0 and report["ok"] and report["first_divergence"] is None, result.stderr
linears = [n["path"] for n in report["nodes"] if n["op"] == "linear" and n["path"].startswith("decoder_layers.1/")]
assert linears, "no linear in the last layer"
tried = 0
for path in linears[:4] + ["logits"]:
    result, report = verify("--plugin", plugin, "--impl", f"{path}={name}")
    bad = [n for n in report["nodes"] if not n["ok"]]
    # an output smaller than the plugin's eighth element has nothing wrong in it
    if not bad:
        continue
    tried += 1
    assert result.returncode == 1, f"{path}: exit {result.returncode}"
    assert [n["path"] for n in bad] == [path], f"{path}: {[n['path'] for n in bad]}"
    assert report["first_divergence"] == path and not report["ok"]
    assert bad[0]["max_ulp"] == 1 and bad[0]["impl"] == name and bad[0]["order"] == "canonical"
    print(f"{device}: {path} found, {bad[0]['max_ulp']} ULP")
assert tried >= 3, f"only {tried} wrong nodes were wrong"
