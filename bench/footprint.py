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

    def measure(self, program, cores, quick):
        taken = {name: [] for name in self.rows}
        try:
            for _ in range(1 if quick else self.repeats):
                report = self.report(program, cores)
                for name, (_, value) in self.rows.items():
                    taken[name].append(value(report))
        except (Missing, KeyError) as error:
            why = f"{self.words[0]} prints no {error}" if isinstance(error, KeyError) else str(error)
            return [{"id": name, "unit": unit, "missing": why} for name, (unit, _) in self.rows.items()]
        return [{"id": name, "unit": unit, "ours": taken[name]} for name, (unit, _) in self.rows.items()]

    def report(self, program, cores):
        command = [sys.executable, os.path.join(HERE, self.words[0]), program, *self.words[1:]]
        if not os.path.exists(command[1]):
            raise Missing(f"{self.words[0]} is not there")
        done = subprocess.run(command, capture_output=True, text=True, env=environment(cores), timeout=300, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Missing(f"{self.words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}") from error


def all_scripts():
    for dtype in ("f32", "bf16"):
        yield Script(f"memory {dtype}", ("memory.py", "cl", dtype, "6"),
                     {f"memory/{dtype}": ("of the limit", share_of_limit), f"reading/{dtype}": ("GB/s", lambda report: 1e-9 * report["file_bytes_per_second"])})
    # names of the rows, unit, key of startup.py's JSON
    starts = {"start/ready": ("ms", "ready_ms"), "start/first": ("s", "first_result_s"), "start/kernels": ("kernels", "kernels"),
              "start/programs": ("programs", "programs"), "host/node": ("us", "host_us_a_node"), "host/share": ("%", "launch_share")}
    yield Script("start", ("startup.py",), {name: (unit, lambda report, key=key: report[key]) for name, (unit, key) in starts.items()})
