# SPDX-License-Identifier: MIT
"""The runner's arithmetic: medians, spread, ratios, geometric means, errors, and whether a goal is met."""
import fnmatch
import math


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def spread(values):
    """half the distance of the quartiles, in percent of the median"""
    ordered, last = sorted(values), len(values) - 1

    def quantile(share):
        at = share * last
        low = ordered[math.floor(at)]
        return low + (ordered[math.ceil(at)] - low) * (at - math.floor(at))
    middle = median(ordered)
    return 50.0 * (quantile(0.75) - quantile(0.25)) / middle if middle else 0.0


def ratio(row):
    """of the medians, ours over theirs; both are rates, so that more is better. None: not measured"""
    if not row.get("ours") or not row.get("theirs"):
        return None
    return median(row["ours"]) / median(row["theirs"])


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def nmse(right, got):
    """square of the difference over the square of what is right"""
    if len(right) != len(got):
        raise ValueError(f"{len(got)} values in place of {len(right)}")
    size = sum(float(x) * x for x in right)
    return sum((float(x) - y) ** 2 for x, y in zip(right, got)) / size if size else 0.0


def find_goal(goals, row_id):
    return next((goal for goal in goals if fnmatch.fnmatchcase(row_id, goal["rows"])), None)


def met(goal, row):
    """of one row: True or False; None without a goal or a measurement"""
    if goal is None:
        return None
    if "each" in goal:
        value = ratio(row)
        return None if value is None else value >= goal["each"]
    if not row.get("ours") or ("most" not in goal and "least" not in goal):
        return None
    value = median(row["ours"])
    limit = row.get("limit", goal.get("most", goal.get("least")))
    return value <= limit if "most" in goal else value >= limit


def summary(goal, rows):
    """of a goal over its rows: count, how many are measured, worst, geometric mean, met (None: something is missing)"""
    mine = [row for row in rows if fnmatch.fnmatchcase(row["id"], goal["rows"])]
    verdicts = [met(goal, row) for row in mine]
    ratios = [ratio(row) for row in mine if ratio(row) is not None]
    result = {"rows": mine, "measured": sum(v is not None for v in verdicts), "held": sum(v is True for v in verdicts)}
    result["worst"] = min(ratios) if ratios else None
    result["geomean"] = geometric_mean(ratios) if ratios else None
    enough = "geomean" not in goal or (ratios and result["geomean"] >= goal["geomean"])
    if False in verdicts or (ratios and not enough and None not in verdicts):
        result["met"] = False
    else:
        result["met"] = None if None in verdicts or not verdicts else True
    return result
