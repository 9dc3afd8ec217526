#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes regex_unicode.c: what Hugging Face's Oniguruma (Unicode 16) has in a category or script and Unicode 14 had not.

Which characters a class has is asked of the package itself; which category they had in Unicode 14, of Python 3.11 (of scripts only
characters count that were not assigned at all); which were assigned in Unicode 15.1, of the package unicodedata2.
Usage: make_regex_unicode.py | clang-format > regex_unicode.c   (needs the packages tokenizers and unicodedata2, 15.1, and clang-format)
"""
import sys
import unicodedata

import unicodedata2
from tokenizers import Regex, pre_tokenizers

from make_unicode import POINTS, ranges

NAMES = ["Lu", "Ll", "Lm", "Lo", "Mn", "Mc", "Nd", "No", "Pd", "Po", "Sm", "So", "Cf", "Han", "Hiragana", "Katakana", "Lao", "Myanmar",
         "Devanagari", "Latin", "Cyrillic", "Arabic", "Kannada", "Balinese", "Common"]
HEAD = """/* SPDX-License-Identifier: MIT */
/* Characters that Unicode 15 and 15.1, then 16, added to general categories and scripts, as ranges for a class of a regular
 * expression; made by make_regex_unicode.py, not by hand. Hugging Face's Oniguruma knows Unicode 16, llama.cpp 15.1; PCRE2
 * knows its own version, which may be older (10.42: Unicode 14). */
#include "regex.h"

const struct regex_added regex_added[] = {"""


def members(name, points):
    """The points that \\p{name} has: those that are gone from a text of all of them when it is cut out."""
    split = pre_tokenizers.Split(Regex("\\p{%s}" % name), "removed")
    found = set()
    for start in range(0, len(points), 4096):
        part = points[start:start + 4096]
        left = {ord(c) for piece, _ in split.pre_tokenize_str("".join(map(chr, part))) for c in piece}
        found |= set(part) - left
    return found


def lines(points, width=88):
    """Their ranges as strings of C, for a class of a regular expression."""
    out = [""]
    for word in ("\\\\x{%x}" % a + ("-\\\\x{%x}" % b if b > a else "") for a, b in ranges(points)):
        if len(out[-1]) + len(word) > width:
            out.append("")
        out[-1] += word
    return "\n".join(f'"{line}"' for line in out)


def main():
    if (unicodedata.unidata_version, unicodedata2.unidata_version) != ("14.0.0", "15.1.0"):
        sys.exit(f"Python with Unicode 14 is needed (3.11) and unicodedata2 with 15.1, not {unicodedata.unidata_version} and {unicodedata2.unidata_version}")
    unassigned = [c for c in POINTS if unicodedata.category(chr(c)) == "Cn"]
    fresh = sorted(set(unassigned) - members("Cn", unassigned))
    print(HEAD)
    for name in NAMES:
        others = [c for c in POINTS if unicodedata.category(chr(c)) != name] if len(name) == 2 else fresh
        added = members(name, others)
        newest = {c for c in added if unicodedata2.category(chr(c)) == "Cn"}
        print("{ \"%s\", %s, %s }," % (name, lines(added - newest), lines(newest)))
    print("{ 0 },\n};")


if __name__ == "__main__":
    main()
