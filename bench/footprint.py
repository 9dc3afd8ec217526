# SPDX-License-Identifier: MIT
"""What has limits in place of a peer: rows that scripts of their own measure and print as JSON."""
import dataclasses
import json
import os
import subprocess
import sys

from side import Missing, environment

HERE = os.path.dirname(os.path.abspath(__file__))


def share_of_limit(report):
    """peak memory over what opening takes, as a share of what is allowed over it"""
    return (report["peak"] - report["opened"]) / (report["limit"] - report["opened"])


@dataclasses.dataclass
class Script:
    """`rows`: id -> unit and what the row is of the script's JSON"""
    id: str
    words: tuple
    rows: dict
    repeats: int = 3
    peers = ()

    @property
    def needs(self):
        """models"""
        return [word for word in self.words if word.endswith(".gguf")]

    def measure(self, program, cores, quick, env=None):
        try:
            reports = [self.report(program, cores, env) for _ in range(1 if quick else self.repeats)]
        except Missing as missing:
            return [{"id": name, "unit": unit, "missing": str(missing)} for name, (unit, _) in self.rows.items()]
        return [self.row(name, unit, value, reports) for name, (unit, value) in self.rows.items()]

    def row(self, name, unit, value, reports):
        try:
            return {"id": name, "unit": unit, "ours": [value(report) for report in reports]}
        except KeyError as error:
            return {"id": name, "unit": unit, "missing": f"{self.words[0]} prints no {error}"}

    def report(self, program, cores, env):
        command = [sys.executable, os.path.join(HERE, self.words[0]), program, *(word for word in self.words[1:] if word not in self.needs or os.path.exists(word))]
        if not os.path.exists(command[1]):
            raise Missing(f"{self.words[0]} is not there")
        done = subprocess.run(command, capture_output=True, text=True, env=environment(cores, env), timeout=300, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Missing(f"{self.words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}") from error


def all_scripts(folder):
    """in the order of the page; `folder` holds the models"""
    for dtype in ("f32", "bf16"):
        yield Script(f"memory {dtype}", ("memory.py", "cl", dtype, "6"),
                     {f"memory/{dtype}": ("of the limit", share_of_limit), f"reading/{dtype}": ("GB/s", lambda report: 1e-9 * report["file_bytes_per_second"])})
    # names of the rows, unit, key of startup.py's JSON
    starts = {"start/ready": ("ms", "ready_ms"), "start/first": ("s", "first_result_s"), "start/kernels": ("kernels", "kernels"),
              "start/programs": ("programs", "programs"), "host/node": ("us", "host_us_a_node"), "host/plain": ("us", "plain_us_a_node"), "host/share": ("%", "launch_share")}
    yield Script("start", ("startup.py", "cl", os.path.join(folder, "llama-f32.gguf")), {name: (unit, lambda report, key=key: report[key]) for name, (unit, key) in starts.items()})


def row_ids(works):
    """of all rows, in the order of the page"""
    return [row for work in works for row in (work.rows if isinstance(work, Script) else [f"{work.id}/{name}" for name in work.peers])]
