# SPDX-License-Identifier: MIT
"""clade's side of the comparisons of models: each block of repeats is a `clade bench -o json` of its own."""
import array
import json
import os
import subprocess
import tempfile

from side import Missing, environment


def run_program(command, cores, env=None, timeout=300):
    """standard output of a program on the two cores; `env`: more variables"""
    done = subprocess.run(command, capture_output=True, text=True, env=environment(cores, env), timeout=timeout, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Missing(f"exit code {done.returncode}: {lines[0] if lines else 'no message'}")
    return done.stdout


def read_npy(path):
    """f32 values of a .npy file"""
    with open(path, "rb") as file:
        data = file.read()
    values = array.array("f")
    values.frombytes(data[10 + int.from_bytes(data[8:10], "little"):])
    return values


class Own:
    """the same methods as side.Process"""
    pause = 0.0

    def __init__(self, program, cores, options=(), peaks=None, env=None):
        self.program, self.cores, self.env = program, cores, env
        self.peaks = peaks if peaks is not None else []  # GFLOP/s and GB/s that clade measures beside each block
        self.options = options
        self.settings = {}  # how clade says that it ran the last block: type of keys and values (or None), --fast

    def run(self, *words):
        return run_program([self.program, *words], self.cores, self.env)

    def device(self):
        """what clade says of it"""
        devices = json.loads(self.run("devices", "--json"))
        return next((device for device in devices if device["id"] != "ref"), devices[0])

    def about(self):
        best = self.device()
        return f"{self.run('--version').splitlines()[0]}, {best['name']}, {best['platform']}, driver {best['driver']}"

    def open(self, work):
        self.work = work

    def time(self, calls):
        work = self.work
        words = ["-n", str(work.tokens), "--depth", str(work.depth)] if work.test == "generate" else ["-p", str(work.tokens)]
        result = json.loads(self.run("bench", work.model, *words, "--batch", str(work.batch), "-r", str(calls), "--no-check", "-o", "json", *self.options))[-1]
        self.peaks.append((result["peak_gflops"], result["peak_gbps"]))
        self.settings = {"kv": result["kv_type"], "fast": bool(result["fast"])}
        return [work.amount / rate for rate in result["samples"]]

    def plan(self, work):
        """implementations, step by step"""
        report = json.loads(self.run("check", work.model, "--explain", "--json", "--device", "cl", *self.options))
        return [step["impl"] for step in report["steps"]]

    def answer(self):
        """hidden states of a small batch, or logits after the ids 1 to 8"""
        work = self.work
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "answer.npy")
            self.run("run", work.model, "--in", f"input_ids={json.dumps(work.check_ids())}", "--out", f"{work.output}={path}", *self.options)
            return read_npy(path)

    def close(self):
        pass
