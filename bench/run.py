#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade beside its peers: builds a release, installs the peers, lets the two sides take turns on the same two pinned
cores, and writes results/KIND.json and RESULTS.md. Run it on an otherwise idle machine.

    bench/run.py [--only PATTERN]... [--quick] [--peers FOLDER] [--out FOLDER]

Needs Python 3.11, Meson and a C compiler; Debian's libopenblas-dev and libclblast-dev for two of the peers. A peer that
cannot be had is no error: its rows say why they are not measured.
"""
import argparse
import array
import fnmatch
import importlib
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [HERE]
import isa  # noqa: E402
import machine  # noqa: E402
import page  # noqa: E402
import stats  # noqa: E402
from footprint import Script, all_scripts, row_ids  # noqa: E402
from isa import Isa  # noqa: E402
from own import Own  # noqa: E402
from rows import Gemm, all_works  # noqa: E402
from side import Missing, Process  # noqa: E402


def say(text):
    print(text, file=sys.stderr, flush=True)


def build_release(folder):
    """clade and the C programs of the comparisons"""
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, ROOT, "--buildtype=release", "-Dtests=false"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder], check=True, stdout=subprocess.DEVNULL)


class Peers:
    """the peers' environments and processes; a peer that cannot be had raises Missing, always with the same words"""

    def __init__(self, folder, build, versions, install=True, may=Isa()):
        self.folder, self.build, self.versions, self.install, self.may = folder, build, versions, install, may
        self.modules, self.running, self.wrong = {}, {}, {}

    def module(self, name):
        if name not in self.modules:
            self.modules[name] = importlib.import_module("peers." + name)
        return self.modules[name]

    def python(self, name):
        """the Python of a peer's virtual environment, made now if it is not there"""
        module = self.module(name)
        place = os.path.join(self.folder, getattr(module, "VENV", name) + (f"-{self.may.name}" if self.may.build(module) else ""))
        python = os.path.join(place, "bin", "python")
        if os.path.exists(python):
            return python
        if not self.install:
            raise Missing("not installed")
        say(f"installing {module.NAME}: {' '.join(module.PACKAGES)}")
        try:
            subprocess.run([sys.executable, "-m", "venv", place + ".part"], check=True, capture_output=True, text=True)
            subprocess.run([os.path.join(place + ".part", "bin", "python"), "-m", "pip", "install", "--quiet", *getattr(module, "INSTALL_OPTIONS", []),
                            *module.PACKAGES], check=True, capture_output=True, text=True, timeout=3600, env={**os.environ, **self.may.build(module)})
        except (subprocess.SubprocessError, OSError) as error:
            tail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            raise Missing(f"cannot be installed: {tail}") from error
        os.replace(place + ".part", place)
        return python

    def command(self, name):
        module = self.module(name)
        if hasattr(module, "PACKAGES"):
            return [self.python(name), os.path.join(HERE, "side.py"), name]
        program = os.path.join(self.build, "bench", module.PROGRAM)
        if not os.path.exists(program):
            raise Missing(f"{module.DEBIAN} was not there when Meson looked")
        return [program]

    def side(self, name):
        """the running process of a peer"""
        if name in self.wrong:
            raise Missing(self.wrong[name])
        if name not in self.running:
            module = self.module(name)
            try:
                process = Process(self.command(name), machine.CORES, {**getattr(module, "ENV", {}), **self.may.environment(module)}, getattr(module, "PAUSE", 0.0))
                self.versions[name] = process.about()
            except Missing as missing:
                self.wrong[name] = str(missing)
                raise
            self.running[name] = process
        return self.running[name]

    def drop(self, name):
        process = self.running.pop(name, None)
        if process:
            process.close()

    def close(self):
        for name in list(self.running):
            self.drop(name)


def make_models(peers, folder, program, needed):
    """models that are not there yet; what cannot be made is told by the rows that miss it"""
    os.makedirs(folder, exist_ok=True)
    script = os.path.join(HERE, "models.py")
    whole = os.path.join(folder, "llama-f32.gguf")
    recipes = {os.path.join(folder, "encoder"): (os.path.join(folder, "encoder", "model.onnx"), lambda path: [peers.python("pytorch"), script, "encoder", path]),
               whole: (whole, lambda path: [peers.python("llamacpp"), script, "llama", path])}
    for kind in ("q8_0", "q4_0"):
        path = os.path.join(folder, f"llama-{kind}.gguf")
        recipes[path] = (path, lambda path, kind=kind: [program, "quantize", whole, "--type", kind, "-o", path])
    if any(path != whole and path.endswith(".gguf") for path in needed):
        needed = {whole, *needed}
    for path in [path for path in recipes if path in needed]:
        proof, command = recipes[path]
        if os.path.exists(proof):
            continue
        say(f"making {os.path.basename(path)}")
        try:
            subprocess.run(command(path), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (Missing, subprocess.SubprocessError) as error:
            say(f"{os.path.basename(path)} cannot be made: {error}")


def compare_answers(work, ours, theirs, scratch):
    """NMSE of our answer, the peer's being right"""
    theirs.ask("open", *work.check_words())
    path = os.path.join(scratch, "answer.f32")
    theirs.ask("answer", path)
    right = array.array("f")
    with open(path, "rb") as file:
        right.frombytes(file.read())
    os.unlink(path)
    got = ours.answer()
    return stats.nmse(right, got[-len(right):])


class Runner:
    def __init__(self, peers, own_gemm, own, quick, scratch):
        self.peers, self.own_gemm, self.own, self.quick, self.scratch = peers, own_gemm, own, quick, scratch
        self.answers = {}  # by model and peer: they are the same for all works

    def error(self, work, name, ours, theirs):
        if isinstance(work, Gemm):
            worst = max(ours.ask("error")["nmse"], theirs.ask("error")["nmse"])
            if worst > work.tolerance:
                raise Missing(f"wrong: NMSE {worst:.1e}")
            return ours.ask("error")["nmse"]
        key = (work.model, name, work.options)
        if key not in self.answers:
            self.answers[key] = compare_answers(work, ours, theirs, self.scratch)
        if self.answers[key] > work.tolerance:
            raise Missing(f"the answers differ: NMSE {self.answers[key]:.1e}")
        return self.answers[key]

    def prepare(self, work, name, ours):
        """opens the work at a peer, compares the answers, runs it once; the row without samples"""
        module = self.peers.module(name)
        row = {"id": f"{work.id}/{name}", "peer": module.NAME, "unit": work.unit}
        try:
            theirs = self.peers.side(name)
            if isinstance(work, Gemm):
                theirs.open(work)
                theirs.time(1)
            row["error"] = self.error(work, name, ours, theirs)
            if not isinstance(work, Gemm):
                theirs.open(work)
        except Missing as missing:
            self.peers.drop(name)
            return {"id": row["id"], "peer": row["peer"], "unit": row["unit"], "missing": str(missing)}
        return {**row, "ours": [], "theirs": []}

    def take_turns(self, work, rows, ours):
        for turn in range(2 if self.quick else work.rounds):
            seconds = ours.time(work.calls(150, self.quick))
            for name, row in rows.items():
                module = self.peers.module(name)
                if "missing" in row or turn >= getattr(module, "ROUNDS", work.rounds):
                    continue
                try:
                    row["theirs"] += [work.amount / s for s in self.peers.side(name).time(work.calls(getattr(module, "GFLOPS", 150), self.quick))]
                    row["ours"] += [work.amount / s for s in seconds]
                    row.update(getattr(ours, "settings", {}))
                except Missing as missing:
                    self.peers.drop(name)
                    row["missing"] = str(missing)

    def measure(self, work, names):
        """rows of a work, one a peer"""
        ours = self.own_gemm if isinstance(work, Gemm) else self.own(work.options)
        try:
            if not all(map(os.path.exists, work.needs)):
                raise Missing("its model could not be made")
            ours.open(work)
            if isinstance(work, Gemm):
                ours.time(2)
            elif work.fast:
                self.refuse_equal_plan(work)
            rows = {name: self.prepare(work, name, ours) for name in names}
            self.take_turns(work, rows, ours)
        except Missing as missing:
            return [{"id": f"{work.id}/{name}", "peer": self.peers.module(name).NAME, "unit": work.unit, "missing": f"clade: {missing}"} for name in names]
        return list(rows.values())

    def refuse_equal_plan(self, work):
        if self.own(work.options).plan(work) == self.own(()).plan(work):
            raise Missing("--fast chooses the same implementations")


def measure_work(work, names, runner, program, env, peers):
    """rows of one work or script, each with the seconds that it took; whatever goes wrong is the reason of its rows"""
    start = time.monotonic()
    try:
        rows = work.measure(program, machine.CORES, runner.quick, env) if isinstance(work, Script) else runner.measure(work, names)
    except (Missing, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
        text = f"{type(error).__name__}: {error}"[:300]
        if isinstance(work, Script):
            rows = [{"id": name, "unit": unit, "missing": text} for name, (unit, _) in work.rows.items()]
        else:
            rows = [{"id": f"{work.id}/{name}", "peer": peers.module(name).NAME, "unit": work.unit, "missing": text} for name in names]
    took = round((time.monotonic() - start) / len(rows), 1)
    return [{**row, "took": took} for row in rows]


def tell_plan(chosen, old):
    """what each part will take, as its rows took when they were measured last; `old`: results of all kinds, ours first"""
    took = {row["id"]: row["took"] for result in reversed(old) for row in result["rows"] if "took" in row}
    parts = {}
    for work, names in chosen:
        parts.setdefault(work.id.split("/")[0].split(" ")[0], []).extend(work.rows if isinstance(work, Script) else [f"{work.id}/{name}" for name in names])
    for part, ids in parts.items():
        known = [took[row_id] for row_id in ids if row_id in took]
        minutes = f"about {sum(known) / len(known) * len(ids) / 60:.1f} minutes" if known else "not timed yet"
        say(f"{part}: {len(ids)} rows, {minutes}")


def tell(row):
    if "missing" in row:
        say(f"{row['id']}: not measured: {row['missing']}")
    elif row.get("theirs"):
        say(f"{row['id']}: {page.samples(row['ours'])} against {page.samples(row['theirs'])} {row['unit']}: {stats.ratio(row):.2f}")
    else:
        say(f"{row['id']}: {page.samples(row['ours'])} {row['unit']}")


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", action="append", metavar="PATTERN", help="rows to measure, as linear/*/openblas (repeatable)")
    parser.add_argument("--isa", choices=["avx2"], help="on a machine with AVX-512: every side as on one with AVX2 alone")
    parser.add_argument("--go-on", action="store_true", help="not what the results have from this commit and machine")
    parser.add_argument("--quick", action="store_true", help="few and short repeats")
    parser.add_argument("--peers", default=os.path.join(ROOT, "build-peers"), metavar="FOLDER", help="the peers' environments and the models (build-peers)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build-bench"), metavar="FOLDER", help="the release that is measured (build-bench, made)")
    parser.add_argument("--out", default=HERE, metavar="FOLDER", help="where results/KIND.json and RESULTS.md go (bench)")
    parser.add_argument("--no-install", action="store_true", help="only peers that are installed")
    parser.add_argument("--list", action="store_true", help="print the ids of all rows")
    parser.add_argument("--page", action="store_true", help="write RESULTS.md again from the JSON; measure nothing")
    return parser.parse_args(arguments)


def choose(works, patterns):
    """(work, names of peers) whose rows fit"""
    for work in works:
        if isinstance(work, Script) and any(fnmatch.filter(work.rows, p) for p in patterns):
            yield work, ()
        names = [name for name in work.peers if any(fnmatch.fnmatchcase(f"{work.id}/{name}", p) or fnmatch.fnmatchcase(work.id, p) for p in patterns)]
        if names:
            yield work, names


def left_over(options, kind, run, chosen):
    """of what is chosen: without the rows that the JSON has from this commit on this machine"""
    old = next((result for result in page.load_results(options.out) if result["kind"] == kind), {"rows": [], "runs": []})
    done = {row["id"] for row in old["rows"] if "missing" not in row and all(old["runs"][row["run"]][key] == run[key] for key in page.SAME)}
    for work, names in chosen:
        names = [name for name in names if f"{work.id}/{name}" not in done]
        if names or (isinstance(work, Script) and not done.issuperset(work.rows)):
            yield work, names


def measure_all(options, may, chosen, models, rows, run, peaks, save):
    """appends to `rows`, `run` and `peaks`, and calls `save` after each work, so that what is measured lives through anything"""
    program, versions = os.path.join(options.build, "clade"), run["versions"]
    peers = Peers(options.peers, options.build, versions, not options.no_install, may)
    make_models(peers, models, program, {path for work, _ in chosen for path in work.needs})
    env = may.environment()
    if may.name and Own(program, machine.CORES, env=env).device()["native_float_width"] > isa.WIDTH:
        sys.exit(f"run.py: the device's vectors are not those of {may.name}: {isa.LIBRARY} does not know this PoCL")
    gemm = Process([os.path.join(options.build, "bench", "gemm_clade")], machine.CORES, env)
    runner = Runner(peers, gemm, lambda given: Own(program, machine.CORES, given, peaks, env), options.quick, models)
    versions["clade"], versions["linear"], group = Own(program, machine.CORES, env=env).about(), gemm.about(), None
    try:
        for work, names in chosen:
            if work.id.split("/")[0] != group:
                group = work.id.split("/")[0]
                peers.close()
            for row in measure_work(work, names, runner, program, env, peers):
                tell(row)
                rows.append(row)
            run["kept"] = may.words([peers.module(name) for name in versions if name in peers.modules])
            save()
    finally:
        peers.close()
        gemm.close()


def keep(options, kind, run, rows, works, old):
    """rows into the JSON of a kind of machine, which was `old` before this run"""
    os.makedirs(os.path.join(options.out, "results"), exist_ok=True)
    page.write(os.path.join(options.out, "results", kind + ".json"), page.dump(page.merge(old, kind, run, rows, row_ids(works))))


def main(arguments):
    options = parse(arguments)
    options.peers, options.build, options.out = (os.path.abspath(path) for path in (options.peers, options.build, options.out))
    models = os.path.join(options.peers, "models")
    works = [*all_works(models), *all_scripts(models)]
    if options.list:
        print("\n".join(row_ids(works)))
        return 0
    if not options.page:
        chosen = list(choose(works, options.only or ["*"]))
        if not chosen:
            sys.exit(f"run.py: no row fits {options.only}; --list prints them all")
        start, rows, peaks = time.monotonic(), [], []
        build_release(options.build)
        may = isa.choose(options.isa, os.path.join(options.build, "bench"))
        run = {"date": machine.today(), "machine": machine.describe(may.name), "clade": machine.clade_version(ROOT), "quick": options.quick, "load_before": machine.load(), "versions": {}}
        kind = may.name or machine.kind()
        chosen = list(left_over(options, kind, run, chosen)) if options.go_on else chosen
        before = sorted(page.load_results(options.out), key=lambda result: result["kind"] != kind)
        old = next((result for result in before if result["kind"] == kind), None)
        tell_plan(chosen, before)
        signal.signal(signal.SIGTERM, signal.default_int_handler)

        def save():
            run.update(load_after=machine.load(), seconds=round(time.monotonic() - start))
            if peaks:
                run.update(peak_gflops=round(stats.median([peak[0] for peak in peaks]), 1), peak_gbps=round(stats.median([peak[1] for peak in peaks]), 1))
            keep(options, kind, run, rows, works, old)
        try:
            measure_all(options, may, chosen, models, rows, run, peaks, save)
        except KeyboardInterrupt:
            say("interrupted: what was measured is kept")
            save()
    page.publish(options.out, HERE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
