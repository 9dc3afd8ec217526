#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/run.py without its peers: arithmetic, verdicts, the page, what a run replaces, what is said of a peer that is
missing or wrong; and that RESULTS.md is what its data give. test_peers.py ROOT GEMM_CLADE"""
import fnmatch
import importlib
import io
import json
import os
import sys
import tempfile
import textwrap
import unittest
from contextlib import redirect_stderr

ROOT, GEMM = (os.path.abspath(path) for path in sys.argv[1:3])
BENCH = os.path.join(ROOT, "bench")
sys.dont_write_bytecode = True
sys.path[:0] = [BENCH]
import isa  # noqa: E402
import machine  # noqa: E402
import page  # noqa: E402
import run  # noqa: E402
import side as side_module  # noqa: E402
import stats  # noqa: E402
from footprint import Script, all_scripts, row_ids  # noqa: E402
from rows import Gemm, Model, all_works  # noqa: E402
from side import Missing, Process, environment  # noqa: E402

GOALS = [{"title": "fast", "rows": "linear/*/openblas", "each": 0.9, "geomean": 1.5, "aim": 2.0}, {"title": "small", "rows": "memory/*", "most": 1.0},
         {"title": "quick", "rows": "reading/*", "least": 1.0}]
FAKE = textwrap.dedent("""
    import json, sys
    for line in sys.stdin:
        word = line.split()[0]
        answers = {"about": {"about": "fake 1"}, "open": {}, "time": {"seconds": [%s]}, "error": {"nmse": %s}}
        if word == "%s":
            sys.exit(3)
        print(json.dumps(answers.get(word, {"wrong": "no such request"})), flush=True)
""")


def pair(name, ours, theirs, **more):
    return {"id": name, "peer": "OpenBLAS", "unit": "GFLOP/s", "ours": ours, "theirs": theirs, "error": 1e-14, "run": 0, **more}


def result(kind, rows):
    info = {"processor": "P", "family": "f", "features": ["avx2"], "processors": 2, "used": 2, "system": "S"}
    return {"kind": kind, "runs": [{"date": "D", "machine": info, "clade": "C", "quick": False, "load_before": 1.0, "load_after": 2.0, "versions": {"a": "OpenBLAS 1"}, "seconds": 1}], "rows": rows}


class Arithmetic(unittest.TestCase):
    def test_medians(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(stats.spread([10.0]), 0)
        self.assertAlmostEqual(stats.spread([8, 9, 10, 11, 12]), 10.0)
        self.assertAlmostEqual(stats.geometric_mean([0.5, 2, 8]), 2.0)

    def test_ratio(self):
        self.assertEqual(stats.ratio(pair("a", [1, 100, 30], [10, 20, 15])), 2.0)
        self.assertIsNone(stats.ratio(pair("a", [], [])))
        self.assertIsNone(stats.ratio({"id": "a", "missing": "why"}))

    def test_error(self):
        self.assertEqual(stats.nmse([3.0, 4.0], [3.0, 4.5]), 0.01)
        with self.assertRaises(ValueError):
            stats.nmse([1.0], [1.0, 2.0])

    def test_verdicts(self):
        fast, small, quick = GOALS
        self.assertIs(stats.met(fast, pair("linear/a/openblas", [90], [100])), True)
        self.assertIs(stats.met(fast, pair("linear/a/openblas", [89], [100])), False)
        self.assertIsNone(stats.met(fast, {"id": "linear/a/openblas", "missing": "why"}))
        self.assertIsNone(stats.met(None, pair("other", [1], [1])))
        self.assertIs(stats.met(small, {"id": "memory/f32", "ours": [1.0]}), True)
        self.assertIs(stats.met(small, {"id": "memory/f32", "ours": [1.01]}), False)
        self.assertIs(stats.met(quick, {"id": "reading/f32", "ours": [0.9]}), False)

    def test_summary(self):
        rows = [pair("linear/a/openblas", [100], [100]), pair("linear/b/openblas", [400], [100])]
        total = stats.summary(GOALS[0], rows)
        self.assertEqual((total["worst"], total["geomean"], total["held"], total["met"]), (1.0, 2.0, 2, True))
        slow = [rows[0], pair("linear/b/openblas", [110], [100])]
        self.assertIs(stats.summary(GOALS[0], slow)["met"], False)  # each holds, their mean does not
        gap = rows + [{"id": "linear/c/openblas", "missing": "why"}]
        self.assertIsNone(stats.summary(GOALS[0], gap)["met"])  # never met while a row is missing


class Page(unittest.TestCase):
    def lines(self, rows, reasons):
        return page.render([result("avx512", rows)], GOALS, reasons).splitlines()

    def test_reason_is_printed_only_while_missed(self):
        reasons = {"avx512": {"linear/a/*": "cache lines"}, "avx2": {"linear/a/*": "of the other kind"}}
        missed = [line for line in self.lines([pair("linear/a/openblas", [50], [100])], reasons) if line.startswith("| a |")]
        self.assertEqual(missed, ["| a | OpenBLAS | GFLOP/s | 100 ± 0 % | 50 ± 0 % | 0.5 | 1.0e-14 | ≥ 0.9 | **missed**: cache lines |"])
        met = "\n".join(self.lines([pair("linear/a/openblas", [200], [100])], reasons))
        self.assertNotIn("cache lines", met)
        self.assertNotIn("of the other kind", met)

    def test_a_missing_row_says_why(self):
        lines = self.lines([{"id": "linear/a/openblas", "peer": "OpenBLAS", "unit": "GFLOP/s", "missing": "not installed", "run": 0}], {})
        self.assertIn("| a | OpenBLAS | GFLOP/s | - | - | - | - | ≥ 0.9 | not measured: not installed |", lines)
        self.assertTrue(any(line.startswith("| fast | ≥ 0.9 | - | 0 of 1 |") and line.endswith("| not measured: not installed |") for line in lines))

    def test_a_goal_is_not_met_while_rows_are_missing(self):
        rows, ids = [pair("linear/a/openblas", [200], [100])], ["linear/a/openblas", "linear/b/openblas"]
        for known, end in ((ids[:1], "| 1 of 1 | 1.5 | 2 | 2 | met |"), (ids, "| 1 of 2 | 1.5 | 2 | 2 | not all measured: no run chose all of its rows |")):
            line, = [line for line in page.render([result("avx512", rows)], GOALS, {}, known).splitlines() if line.startswith("| fast |")]
            self.assertTrue(line.endswith(end), line)

    def test_a_goal_without_rows_says_why(self):
        line, = [line for line in page.render([result("avx512", [])], GOALS, {}).splitlines() if line.startswith("| small |")]
        self.assertTrue(line.endswith("| not measured: no run chose all of its rows |"), line)

    def test_settings_are_told_where_they_differ(self):
        lines = self.lines([pair("fast-prompt/q8_0/llamacpp", [2], [1], kv="f32", fast=True), pair("linear/a/openblas", [1], [1])], {})
        self.assertIn("| q8_0 | K/V f32, --fast | OpenBLAS | GFLOP/s | 1 ± 0 % | 2 ± 0 % | 2 | 1.0e-14 | - | - |", lines)
        self.assertTrue(any(line.startswith("| a | OpenBLAS |") for line in lines))

    def test_a_run_replaces_only_its_own_rows(self):
        old = result("avx512", [pair("linear/a/openblas", [1], [1]), pair("linear/b/openblas", [2], [2]), pair("gone", [3], [3])])
        run_now = {**old["runs"][0], "date": "E"}
        new = page.merge(old, "avx512", run_now, [pair("linear/b/openblas", [5], [5])], ["linear/a/openblas", "linear/b/openblas"])
        self.assertEqual([(row["id"], row["ours"]) for row in new["rows"]], [("linear/a/openblas", [1]), ("linear/b/openblas", [5])])
        self.assertEqual(len(new["runs"]), 1)  # of the same commit and machine: one run, in two parts
        self.assertEqual((new["runs"][0]["until"], new["runs"][0]["seconds"]), ("E", 2))
        other = page.merge(old, "avx512", {**run_now, "clade": "later"}, [pair("linear/b/openblas", [5], [5])], ["linear/a/openblas", "linear/b/openblas"])
        self.assertEqual([(row["id"], other["runs"][row["run"]]["date"]) for row in other["rows"]], [("linear/a/openblas", "D"), ("linear/b/openblas", "E")])
        whole = page.merge(new, "avx512", run_now, new["rows"], ["linear/a/openblas", "linear/b/openblas"])
        self.assertEqual(len(whole["runs"]), 1)
        self.assertEqual({row["run"] for row in whole["rows"]}, {0})
        self.assertEqual(json.loads(page.dump(new)), new)

    def test_the_page_tells_machines_apart(self):
        both = result("avx2", [pair("linear/a/openblas", [1], [1]), pair("linear/b/openblas", [1], [1], run=1)])
        kept = {**both["runs"][0], "machine": {**both["runs"][0]["machine"], "as": "avx2"}, "kept": ["so"]}
        lines = page.render([both], GOALS, {}).splitlines()
        self.assertIn("- machine: P (f; avx2), 2 processors, 2 used; S", lines)
        lines = page.render([{**both, "runs": [*both["runs"], kept]}], GOALS, {}).splitlines()
        self.assertIn("- machine of run 1: P (f; avx2), 2 processors, 2 used; S", lines)
        self.assertIn("- machine of run 2: P (f; avx2), 2 processors, 2 used; S; **it has AVX-512, and every side was kept from it**", lines)
        self.assertIn("  - kept from AVX-512: so", lines)

    def test_a_run_leaves_the_other_kind(self):
        other = result("avx2", [pair("linear/a/openblas", [1], [1])])
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "results"))
            for one in (other, result("avx512", [pair("linear/a/openblas", [7], [1])])):
                page.write(os.path.join(folder, "results", one["kind"] + ".json"), page.dump(one))
            page.publish(folder, BENCH)
            with open(os.path.join(folder, "RESULTS.md"), encoding="utf-8") as file:
                before = file.read()
            page.write(os.path.join(folder, "results", "avx512.json"), page.dump(result("avx512", [pair("linear/a/openblas", [9], [1])])))
            page.publish(folder, BENCH)
            with open(os.path.join(folder, "RESULTS.md"), encoding="utf-8") as file:
                after = file.read()
        mark = "## " + machine.KINDS["avx2"]
        self.assertEqual(before.split(mark)[1], after.split(mark)[1])
        self.assertNotEqual(before.split(mark)[0], after.split(mark)[0])

    def test_results_are_what_the_data_give(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(os.path.join(BENCH, "results"), os.path.join(folder, "results"))
            page.publish(folder, BENCH)
            with open(os.path.join(folder, "RESULTS.md"), encoding="utf-8") as made, open(os.path.join(BENCH, "RESULTS.md"), encoding="utf-8") as kept:
                self.assertEqual(made.read(), kept.read(), "bench/run.py --page writes it again")


class Tables(unittest.TestCase):
    def test_rows_and_goals_fit(self):
        goals = page.read_toml(os.path.join(BENCH, "goals.toml"))["goal"]
        ids = row_ids([*all_works("models"), *all_scripts("models")])
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(sum(name.startswith("linear/") and name.endswith("/openblas") for name in ids), 64)
        for goal in goals:
            self.assertTrue(fnmatch.filter(ids, goal["rows"]), goal["title"])
        for name in ids:
            self.assertTrue(name.startswith("fast-") or name.endswith("_f16") or name == "host/plain" or stats.find_goal(goals, name), name)  # it explains host/node
            self.assertTrue(any(name.startswith(prefix) for prefix, _ in page.GROUPS), name)
        for kind, texts in page.read_toml(os.path.join(BENCH, "reasons.toml")).items():
            self.assertIn(kind, machine.KINDS)
            for pattern in texts:
                self.assertTrue(fnmatch.filter(ids, pattern) or any(goal["rows"] == pattern for goal in goals), pattern)


class FakePeers(run.Peers):
    """peers by name: a program in Python"""

    def __init__(self, programs):
        super().__init__("", "", {}, False)
        self.programs = programs

    def module(self, name):
        return importlib.import_module("peers.openblas")

    def command(self, name):
        if name not in self.programs:
            raise Missing("not installed")
        return [sys.executable, "-c", self.programs[name]]


class Turns(unittest.TestCase):
    def measure(self, programs, ours=FAKE % (0.5, 1e-12, "none")):
        work = Gemm(1, 1000, 500_000, peers=tuple(programs))
        own = Process([sys.executable, "-c", ours], [0])
        peers = FakePeers({name: program for name, program in programs.items() if program})
        try:
            return run.Runner(peers, own, None, True, "").measure(work, list(programs))
        finally:
            peers.close()
            own.close()

    def test_sides_take_turns(self):
        row, = self.measure({"peer": FAKE % (1.0, 1e-12, "none")})
        self.assertEqual((row["id"], row["error"], len(row["ours"]), len(row["theirs"])), ("linear/M1 N1000 K500000/peer", 1e-12, 2, 2))
        self.assertAlmostEqual(row["theirs"][0], 1.0)
        self.assertAlmostEqual(stats.ratio(row), 2.0)

    def test_missing_dead_and_wrong_peers(self):
        rows = self.measure({"absent": None, "dead": FAKE % (1.0, 1e-12, "time"), "wrong": FAKE % (1.0, 0.5, "none"), "right": FAKE % (1.0, 1e-12, "none")})
        self.assertEqual([row.get("missing") for row in rows], ["not installed", "the process ended with 3", "wrong: NMSE 5.0e-01", None])

    def test_a_side_of_ours_that_fails(self):
        row, = self.measure({"peer": FAKE % (1.0, 1e-12, "none")}, FAKE % (1.0, 1e-12, "open"))
        self.assertEqual(row["missing"], "clade: the process ended with 3")

    def test_a_model_that_is_not_there(self):
        row, = run.Runner(FakePeers({}), None, lambda fast: None, True, "").measure(Model("encode/x", "encode", os.path.join(BENCH, "absent"), 1), ["peer"])
        self.assertEqual(row["missing"], "clade: its model could not be made")

    def test_refusals_name_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            peers = run.Peers(folder, folder, {}, install=False)
            for name, why in (("openblas", "libopenblas-dev was not there when Meson looked"), ("onnx_runtime", "not installed")):
                with self.assertRaises(Missing) as raised:
                    peers.side(name)
                self.assertEqual(str(raised.exception), why)
            broken = run.Peers(os.path.join(folder, "file"), folder, {})
            with open(os.path.join(folder, "file"), "w", encoding="utf-8"):
                pass
            with self.assertRaises(Missing) as raised, redirect_stderr(io.StringIO()):
                broken.side("onnx_runtime")
            self.assertTrue(str(raised.exception).startswith("cannot be installed: "), raised.exception)

    def test_scripts_that_are_missing_or_fail(self):
        rows = {"memory/a": ("GB", lambda report: report["a"])}
        self.assertEqual(Script("a", ("absent.py",), rows).measure("none", [0], True), [{"id": "memory/a", "unit": "GB", "missing": "absent.py is not there"}])
        row, = Script("b", ("memory.py", "cl"), rows).measure("/nonexistent", [0], True)
        self.assertTrue(row["missing"].startswith("memory.py ended with 1: "), row)

    def test_errors_of_any_kind_are_reasons(self):
        class Broken:
            quick = True

            def measure(self, work, names):
                raise ValueError("3 values in place of 4")
        row, = run.measure_work(Gemm(1, 8, 8), ["peer"], Broken(), "none", {}, FakePeers({}))
        self.assertEqual((row["id"], row["missing"]), ("linear/M1 N8 K8/peer", "ValueError: 3 values in place of 4"))
        self.assertGreaterEqual(row["took"], 0)

    def test_a_peer_that_hangs_is_ended(self):
        side_module.PATIENCE, before = 0.2, side_module.PATIENCE
        try:
            with self.assertRaises(Missing):
                Process([sys.executable, "-c", "import time; time.sleep(60)"], [0]).about()
        finally:
            side_module.PATIENCE = before

    def test_the_plan_is_told(self):
        old = [result("avx512", [pair("linear/M1 N8 K8/a", [1], [1], took=30)])]
        with redirect_stderr(io.StringIO()) as text:
            run.tell_plan([(Gemm(1, 8, 8), ["a", "b"]), (Model("encode/x", "encode", "m", 1), ["a"])], old)
        self.assertEqual(text.getvalue(), "linear: 2 rows, about 1.0 minutes\nencode: 1 rows, not timed yet\n")

    def test_presets_are_taken_away(self):
        os.environ["OPENBLAS_CORETYPE"] = "Haswell"
        env = environment([0, 1])
        del os.environ["OPENBLAS_CORETYPE"]
        self.assertNotIn("OPENBLAS_CORETYPE", env)
        self.assertEqual((env["OMP_PLACES"], env["OMP_NUM_THREADS"], env["POCL_AFFINITY"]), ("{0},{1}", "2", "1"))

    def test_what_keeps_sides_from_avx512(self):
        modules = [importlib.import_module("peers." + name) for name in ("openblas", "llamacpp", "onnx_runtime")]
        self.assertEqual([isa.Isa().environment(modules[0]), isa.Isa().build(modules[1]), isa.Isa().words(modules)], [{}, {}, []])
        may = isa.Isa("avx2", "/lib")
        self.assertEqual(environment([0, 1], may.environment(modules[0]))["OPENBLAS_CORETYPE"], modules[0].AVX2_ENV["OPENBLAS_CORETYPE"])
        self.assertEqual(may.environment()["LD_PRELOAD"], "/lib/without_avx512.so")
        self.assertEqual(may.environment(modules[2])["LD_PRELOAD"], "/lib/without_avx512.so:/lib/mask_cpuid.so")
        self.assertIn("GGML_AVX512=OFF", may.build(modules[1])["CMAKE_ARGS"])
        self.assertEqual([words.split("=")[0] for words in may.words(modules)[1:3]], ["OpenBLAS: OPENBLAS_CORETYPE", "llama.cpp: CMAKE_ARGS"])
        self.assertEqual(may.words(modules)[3], "ONNX Runtime: mask_cpuid.so")
        peers = FakePeers({})
        peers.may, peers.folder = may, "/peers"
        peers.module = lambda name: importlib.import_module("peers." + name)
        with self.assertRaises(Missing):  # an environment of its own, not that of the unrestricted run
            peers.python("llamacpp")

    def test_works_ask_for_as_many_calls_as_fit(self):
        self.assertEqual(Gemm(1, 384, 384).calls(150, False), 100)
        self.assertEqual(Gemm(516, 32000, 768).calls(10, False), 1)
        self.assertEqual(Model("encode/x", "encode", "m", 128, 32).words(), ("m", 32, 128))

    def test_our_program_of_products(self):
        side = Process([GEMM], sorted(os.sched_getaffinity(0)), {name: os.environ[name] for name in ("OCL_ICD_VENDORS", "HOME", "XDG_CACHE_HOME") if name in os.environ})
        work = Gemm(7, 33, 65)
        side.open(work)
        self.assertGreater(side.time(2)[0], 0)
        self.assertLess(side.ask("error")["nmse"], work.tolerance)
        with self.assertRaises(Missing):
            side.ask("nonsense")
        side.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
