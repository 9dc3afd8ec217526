#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Chat templates, rendered as jinja2 does it. Usage: test_chat.py RENDER_CHAT SOURCE [--golden]

The recorded answers are digests made by chat_oracle.py; with CLADE_ORACLE_PYTHON (a Python with jinja2) that script
is asked again, about more messages. --golden records."""
import hashlib
import json
import os
import subprocess
import sys

import chat_cases

RENDER, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
GOLDEN = os.path.join(SOURCE, "tests/tools/chat_golden.json")
# Where an error is, and what it says.
ERRORS = [("a\n{{ x.y }}", "t:2:6", "`x` is undefined"), ("é{{ 1 |", "t:1:4", "tag does not end"), ("{% for x in y %}\n\n{% include 'a' %}{% endfor %}", "t:3:4", "`include` is not supported"),
          ("{{ 'a' | uper }}", "t:1:10", "did you mean upper"), ("{{ 1 is defned }}", "t:1:9", "did you mean defined"), ("{% iff 1 %}{% endif %}", "t:1:4", "did you mean if"), ("{{ strftime_now('%Y') }}", "t:1:4", "`strftime_now` is refused"),
          ("{{ raise_exception('not this') }}", "t:1:4", "the template refuses this: not this"), ("{% call x() %}{% endcall %}", "t:1:4", "`call` is not supported"), ("{% set a = 1 %}\n{{ a.append(1) }}", "t:2:6", "no method `append`"),
          ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "t:1:", "deep"), ("{{ " + "(" * 80 + "1" + ")" * 80 + " }}", "t:1:", "64 brackets"), ("{{ " + "not " * 200 + "1 }}", "t:1:", "less deep"), ("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "t", "needs more than 512 MiB"), ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}", "t:1:", "does not end within")]


def run(command, jobs):
    lines = "".join(json.dumps({"template": template, "variables": variables}) + "\n" for _, template, variables in jobs)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def digest(result):
    return hashlib.sha256(result["text"].encode()).hexdigest()[:16] if "text" in result else None


def compare(jobs, got, want):
    wrong = 0
    for (name, template, _), mine, digested in zip(jobs, got, want, strict=True):
        if digest(mine) != digested:
            wrong += 1
            print(f"{name}: {template[:200]!r}\n  gives {mine}")
    return wrong


def check_errors():
    results = run([RENDER], [("", template, {}) for template, _, _ in ERRORS])
    wrong = 0
    for result in run([RENDER], [("", "{{ strftime_now('%Z') }}", {"strftime_now": now}) for now in ("2026-01-31", "2026-02-30", "2026-1-31x", "today", 5, "2026-13-01")]):
        if "strftime_now" not in result.get("error", "") + result.get("where", ""):
            wrong += 1
            print(f"strftime_now: {result}")
    for (template, where, text), result in zip(ERRORS, results, strict=True):
        if not result.get("where", "").startswith(where) or text not in result.get("error", ""):
            wrong += 1
            print(f"{template[:100]!r}: {result}, expected {where} {text}")
    return wrong


def main():
    oracle = os.environ.get("CLADE_ORACLE_PYTHON")
    ask = [oracle, os.path.join(SOURCE, "tests/tools/chat_oracle.py")]
    jobs = list(chat_cases.jobs())
    if "--golden" in sys.argv:
        with open(GOLDEN, "w") as file:
            json.dump([digest(result) for result in run(ask, jobs)], file, indent=0)
        return 0
    with open(GOLDEN) as file:
        failed = [name for name, wrong in (("recorded", compare(jobs, run([RENDER], jobs), json.load(file))), ("errors", check_errors())) if wrong]
    count = 4
    if compare(jobs, run([RENDER, "--fail"], jobs), [digest(result) for result in run([RENDER], jobs)]):
        failed.append("allocations failed in turn")
    changed = [job for job in chat_cases.mutations(1, 1500) if "range(" not in job[1]]
    results = run([RENDER], changed)  # a crash is an exception here
    if len(results) != len(changed) or not 100 < sum("text" in result for result in results) < len(changed) - 100:
        failed.append("mutations")
    if oracle:
        count += 2
        both = [(job, mine, theirs) for job, mine, theirs in zip(changed, results, run(ask, changed)) if "text" in mine and "text" in theirs]
        if compare(*zip(*[(job, mine, digest(theirs)) for job, mine, theirs in both])):
            failed.append("mutations beside jinja2")
        more = [job for seed in range(2, 5) for job in chat_cases.jobs(seed) if job[0] in chat_cases.TEMPLATES]
        if compare(more, run([RENDER], more), [digest(result) for result in run(ask, more)]):
            failed.append("live")
        print(f"{len(both)} mutations and {len(more)} renderings beside jinja2's")
    else:
        print("skip: jinja2 is not asked: CLADE_ORACLE_PYTHON is not set")
    print(f"{len(jobs)} recorded renderings, {len(ERRORS)} errors")
    print(f"[==========] {count} test(s) run.\n[  PASSED  ] {count - len(failed)} test(s).")
    if failed:
        print(f"[  FAILED  ] test_chat: {len(failed)} test(s): {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
