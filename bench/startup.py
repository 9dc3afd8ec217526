#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a start costs, and a node: startup.py CLADE [DEVICE [MODEL]] prints one JSON object.

A decoder of six layers, so narrow that its weights take no time, is opened with empty caches (ours and PoCL's), then
with full ones. `host`: bench_launch beside CLADE; its cost a node as a share of a step of MODEL's generation, where
MODEL is given. Needs Python alone.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import memory

HERE = os.path.dirname(os.path.abspath(__file__))


def bench(clade, device, model, words, env):
    done = subprocess.run([clade, "bench", model, *words, "--no-check", "--verbose", "-o", "json", "--device", device], capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{model}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)[-1], done.stderr


def measure_start(clade, device):
    memory.WIDTH, memory.FFN, memory.VOCAB = 128, 352, 1000
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as caches:
        memory.write_model(folder, "f32", 6)
        env = {**os.environ, "XDG_CACHE_HOME": caches, "POCL_CACHE_DIR": os.path.join(caches, "pocl")}
        words = ["-p", "16", "-r", "1"]
        # a whole process: `bench` itself would wait for what is left for after the first result
        start = time.monotonic()
        done = subprocess.run([clade, "generate", folder, "--ids", "1,2,3,4,5", "--print-ids", "-n", "1", "--ignore-eos", "--verbose", "--device", device],
                              check=True, capture_output=True, text=True, env=env)
        cold, log = time.monotonic() - start, done.stderr
        warm = [bench(clade, device, folder, words, env)[0] for _ in range(4)][1:]
    programs = re.findall(r"compile: program \d+: (.*)", log)
    result = {"first_result_s": cold, "ready_ms": 1e3 * sorted(run["first_seconds"] for run in warm)[1], "programs": warm[0]["programs"]}
    if programs:
        result["kernels"] = sum(len(names.split(",")) for names in programs)
    return result


def measure_host(clade, device, model):
    program = os.path.join(os.path.dirname(os.path.abspath(clade)), "bench", "bench_launch")
    launch = json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
    result = {"host_us_a_node": launch["node_us"] - launch["empty_us"], "plain_us_a_node": launch["plain_us"] - launch["empty_us"], **launch}
    if model:
        run, _ = bench(clade, device, model, ["-n", "32", "-r", "3"], None)
        result["launch_share"] = 100 * 1e-6 * launch["node_us"] * run["launches"] * run["tokens_per_second"]
        result["launches_a_token"] = run["launches"]
    return result


def main():
    clade, device, model = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "cl", sys.argv[3] if len(sys.argv) > 3 else None
    print(json.dumps({**measure_start(clade, device), **measure_host(clade, device, model)}, indent=1))


if __name__ == "__main__":
    main()
