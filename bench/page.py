# SPDX-License-Identifier: MIT
"""RESULTS.md from results/KIND.json, goals.toml and reasons.toml. Nothing else goes into it."""
import fnmatch
import glob
import json
import os
import tomllib

import footprint
import machine
import rows
import stats

HEAD = """# Results

Written by `bench/run.py`; do not edit. One section a kind of machine; a run replaces rows of its own kind alone.
Both sides on the same two pinned cores, taking turns. Ratio: of the medians, ours over the peer's; ± is half the
distance of the quartiles. Error: ours, of sampled elements against double precision (`linear`), else against the
peer's answer, as square of the difference over the square of the answer. A load average of 2 is this alone.
"""
GROUPS = (("linear/", "linear f32"), ("encode/", "Encode, MiniLM's shape, f32"), ("prompt/", "Prompt of 512 tokens, LLaMA of 134 M parameters"),
          ("generate/", "Generation of 128 tokens"), ("decode2000/", "Generation of 32 tokens after 2,000"),
          ("decode2000-f16/", "Generation of 32 tokens after 2,000, keys and values in f16"),
          ("fast-prompt/", "Prompt of 512 tokens with --fast (reduced precision)"),
          ("fast-generate/", "Generation of 128 tokens with --fast (reduced precision)"),
          ("host/", "Host cost"), ("start/", "From open device"), ("memory/", "Peak memory"), ("reading/", "Reading weights"))
SAME = ("clade", "machine", "quick")  # of runs that are one, made in parts
WORD = {True: "met", False: "**missed**", None: "-"}


def read_toml(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


def reason(reasons, kind, key):
    """the text for a row or a goal (by its pattern itself)"""
    for pattern, text in reasons.get(kind, {}).items():
        if pattern == key or ("*" not in key and fnmatch.fnmatchcase(key, pattern)):
            return text
    return ""


def number(value):
    """three digits, as many as a reader compares"""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def samples(values):
    return f"{number(stats.median(values))} ± {stats.spread(values):.0f} %" if values else "-"


def table(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def goal_text(goal):
    for key, sign in (("each", "≥ "), ("least", "≥ "), ("most", "≤ ")):
        if key in goal:
            return sign + number(goal[key])
    return "-"


def goal_lines(goals, rows, reasons, kind, ids):
    for goal in goals:
        total = stats.summary(goal, rows)
        due = max(len(total["rows"]), len(fnmatch.filter(ids, goal["rows"])))
        gaps = "; ".join(dict.fromkeys(row["missing"] for row in total["rows"] if row.get("missing"))) or "no run chose all of its rows"
        if not total["rows"]:
            yield [goal["title"], goal_text(goal), "-", "-", number(goal.get("geomean")), "-", number(goal.get("aim")), "not measured: " + gaps]
            continue
        singles = [stats.median(row["ours"]) for row in total["rows"] if row.get("ours")] if "each" not in goal else []
        worst = total["worst"] if "each" in goal else (max if "most" in goal else min)(singles, default=None)
        partly = total["met"] and total["measured"] < due  # a goal is not met while rows are missing
        verdict = "not all measured: " + gaps if partly else WORD[total["met"]] if total["met"] is not None else "not measured: " + gaps
        why = reason(reasons, kind, goal["rows"]) if total["met"] is False else ""
        yield [goal["title"], goal_text(goal), number(worst), f"{total['held']} of {due}", number(goal.get("geomean")), number(total["geomean"]),
               number(goal.get("aim")), verdict + (": " + why if why else "")]


def settings(row):
    """of our side, as clade said them: type of keys and values, --fast"""
    words = [f"K/V {row['kv']}"] if row.get("kv") else []
    return ", ".join(words + (["--fast"] if row.get("fast") else [])) or "-"


def row_line(row, goals, reasons, kind, several, told):
    goal = stats.find_goal(goals, row["id"])
    work = row["id"].split("/", 1)[1].rsplit("/", 1)[0] if row.get("peer") else row["id"].split("/", 1)[1]
    line = [work, *([settings(row)] if told else []), row.get("peer", "-"), row["unit"]]
    if row.get("missing"):
        line += ["-", "-", "-", "-", goal_text(goal or {}), f"not measured: {row['missing']}"]
    else:
        verdict = stats.met(goal, row)
        why = reason(reasons, kind, row["id"]) if verdict is False else ""
        line += [samples(row.get("theirs")), samples(row["ours"]), number(stats.ratio(row)), "-" if row.get("error") is None else f"{row['error']:.1e}",
                 goal_text(goal or {}), WORD[verdict] + (": " + why if why else "")]
    return line + ([str(row["run"] + 1)] if several else [])


def machine_lines(runs):
    """each machine once; rows of several may stand together"""
    infos = [run["machine"] for run in runs]
    for index, info in enumerate(infos):
        if info in infos[:index]:
            continue
        count = len([other for other in infos if other == info])
        where = "" if count == len(infos) else f" of run {index + 1}" + (" and others" if count > 1 else "")
        yield (f"- machine{where}: {info['processor']} ({info['family']}; {', '.join(info['features'])}), {info['processors']} processors, "
               f"{info['used']} used; {info['system']}" + ("; **it has AVX-512, and every side was kept from it**" if info.get("as") else ""))


def section(result, goals, reasons, ids):
    kind, rows, runs = result["kind"], result["rows"], result["runs"]
    yield f"## {machine.KINDS.get(kind, kind)}"
    yield ""
    yield from machine_lines(runs)
    for index, run in enumerate(runs):
        yield (f"- run {index + 1}: {run['date']}{' to ' + run['until'] if 'until' in run else ''}, clade at {run['clade']}; load average {run['load_before']} before, {run['load_after']} after"
               + (f"; clade's roofline beside it: {run['peak_gflops']:.0f} GFLOP/s, {run['peak_gbps']:.0f} GB/s" if "peak_gflops" in run else "")
               + (", shortened (--quick)" if run["quick"] else ""))
        for about in sorted(set(run["versions"].values())):
            yield f"  - {about}"
        if run.get("kept"):
            yield "  - kept from AVX-512: " + "; ".join(run["kept"])
    yield ""
    yield from table(["goal", "each", "worst", "rows that hold", "geometric mean", "is", "aim", "met"], goal_lines(goals, rows, reasons, kind, ids))
    head = ["peer", "unit", "peer's", "clade's", "ratio", "error", "goal", "met"] + (["run"] if len(runs) > 1 else [])
    for prefix, title in GROUPS:
        mine = [row for row in rows if row["id"].startswith(prefix)]
        if mine:
            yield ""
            yield f"### {title}"
            yield ""
            told = any(settings(row) != "-" for row in mine)
            yield from table(["work", *(["ours with"] if told else []), *head], [row_line(row, goals, reasons, kind, len(runs) > 1, told) for row in mine])


def render(results, goals, reasons, ids=()):
    """the page's text; results: of each kind, as JSON holds them; ids: of all rows that there are"""
    lines = [HEAD.rstrip("\n")]
    for result in sorted(results, key=lambda r: list(machine.KINDS).index(r["kind"]) if r["kind"] in machine.KINDS else 99):
        lines += ["", *section(result, goals, reasons, ids)]
    for kind in machine.KINDS.keys() - {result["kind"] for result in results}:
        lines += ["", f"## {machine.KINDS[kind]}", "", "Not measured yet: no run on a machine of this kind."]
    return "\n".join(lines) + "\n"


def load_results(folder):
    results = []
    for path in sorted(glob.glob(os.path.join(folder, "results", "*.json"))):
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    return results


def joined(first, run):
    """a run and one that went on with it"""
    both = {**first, **run, "date": first["date"], "until": run["date"], "load_before": first["load_before"], "seconds": first["seconds"] + run["seconds"],
            "versions": {**first["versions"], **run["versions"]}}
    if "kept" in first:
        both["kept"] = list(dict.fromkeys([*first["kept"], *run["kept"]]))
    return both


def merge(old, kind, run, rows, order):
    """what the JSON of a kind becomes: rows measured now replace those of the same id; runs without rows go; rows whose
    id no work has (`order` lists all that may be) go too. A run that goes on where the last one ended becomes part of it"""
    old = old or {"kind": kind, "runs": [], "rows": []}
    if old["runs"] and all(old["runs"][-1][key] == run[key] for key in SAME):
        old, run = {**old, "runs": old["runs"][:-1]}, joined(old["runs"][-1], run)
    fresh = {row["id"]: {**row, "run": len(old["runs"])} for row in rows}
    kept = {row["id"]: row for row in old["rows"]}
    kept.update(fresh)
    merged = [kept[row_id] for row_id in order if row_id in kept]
    runs, used = [*old["runs"], run], sorted({row["run"] for row in merged})
    place = {run_index: place for place, run_index in enumerate(used)}
    return {"kind": kind, "runs": [runs[index] for index in used], "rows": [{**row, "run": place[row["run"]]} for row in merged]}


def write(path, text):
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)


def dump(result):
    """JSON with a line a row"""
    head = {key: value for key, value in result.items() if key != "rows"}
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n  '
    return text + ",\n  ".join(json.dumps(row) for row in result["rows"]) + "\n ]\n}\n"


def publish(folder, goals_folder):
    """writes RESULTS.md from what lies in results/"""
    write(os.path.join(folder, "RESULTS.md"),
          render(load_results(folder), read_toml(os.path.join(goals_folder, "goals.toml"))["goal"], read_toml(os.path.join(goals_folder, "reasons.toml")),
                 footprint.row_ids([*rows.all_works("models"), *footprint.all_scripts("models")])))
