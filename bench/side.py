#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One side of a comparison, a process of its own that is idle while the other side runs.

`python side.py NAME` serves peers/NAME.py in the peer's own Python: a request a line on standard input, a JSON object a
line on standard output (bench/gemm.c speaks the same). Process is run.py's end of it.
"""
import importlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 300  # seconds that an answer may take


class Missing(Exception):
    """why a side cannot be measured here"""


def environment(cores, more=None):
    """What both sides get: two pinned cores, PoCL alone, and nothing that a shell may have preset for a peer. (Presets
    can make OpenBLAS several times slower: AVX2 kernels, one thread.) `more`: what this side gets besides."""
    preset = ("OPENBLAS_", "GOTO_", "OMP_", "GOMP_", "MKL_", "KMP_", "POCL_", "CLADE_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(preset)}
    count = str(len(cores))
    env.update({"OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count, "OMP_PROC_BIND": "true",
                "MKL_NUM_THREADS": count, "MKL_DYNAMIC": "false",  # else MKL sees one core where the thread that asks is bound to it
                "OMP_PLACES": ",".join("{%d}" % core for core in cores), "POCL_AFFINITY": "1", "POCL_MAX_PTHREAD_COUNT": count,
                "BENCH_CORES": ",".join(map(str, cores))})
    env.setdefault("OCL_ICD_VENDORS", "/etc/OpenCL/vendors/pocl.icd")
    env.update(more or {})
    return env


class Process:
    """A side that runs elsewhere. After each `time` it is left alone for `pause` seconds, in which idle threads stop spinning."""

    def __init__(self, command, cores, env=None, pause=0.0):
        self.pause = pause
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(cores, env),
                                        preexec_fn=lambda: os.sched_setaffinity(0, cores))

    def ask(self, *words):
        patience = threading.Timer(PATIENCE, self.process.kill)
        patience.start()
        try:
            self.process.stdin.write(" ".join(shlex.quote(str(word)) for word in words) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            patience.cancel()
        if not line:
            raise Missing(f"the process ended with {self.process.wait()}")
        answer = json.loads(line)
        if "wrong" in answer:
            raise Missing(answer["wrong"])
        return answer

    def about(self):
        return self.ask("about")["about"]

    def open(self, work):
        self.ask("open", *work.words())

    def time(self, calls):
        """seconds a call, one or several samples"""
        seconds = self.ask("time", calls)["seconds"]
        time.sleep(self.pause)
        return seconds

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def serve(side):
    """obeys requests by the methods of `side` until standard input ends"""
    for line in sys.stdin:
        word, *rest = shlex.split(line)
        try:
            if word == "about":
                answer = {"about": side.about()}
            elif word == "open":
                side.open(*rest)
                answer = {}
            elif word == "time":
                answer = {"seconds": side.time(int(rest[0]))}
            elif word == "error":
                answer = {"nmse": side.error()}
            elif word == "answer":
                side.answer().astype("<f4").tofile(rest[0])
                answer = {}
            else:
                answer = {"wrong": "no such request"}
        except Exception as error:  # whatever the peer throws is the reason of the row
            answer = {"wrong": f"{type(error).__name__}: {error}"[:300]}
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()


def timed(calls, function):
    """seconds of each of `calls` calls"""
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    name = sys.argv[1]
    sys.__stdout__ = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    sys.path[:0] = [HERE]
    serve(importlib.import_module("peers." + name).Side())
