#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes unicode_tables.h: character classes as Hugging Face's `tokenizers` knows them, which differ from the system's.

Each class is asked of the package itself, character by character; which characters Unicode 9.0 had, of perl.
Usage: make_unicode.py | clang-format > unicode_tables.h   (needs the package tokenizers, perl and clang-format)
"""
import subprocess
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def bert(**options):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**(flags | options))


def removed_by(normalizer):
    return {c for c in POINTS if normalizer.normalize_str("a" + chr(c) + "b") == "ab"}


def cut_off_by(pre_tokenizer):
    return {c for c in POINTS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "b")) == 3}


def unknown_to(version):
    code = "for my $c (0 .. 0x10ffff) { print \"$c\\n\" unless ($c >= 0xd800 && $c < 0xe000) || chr($c) =~ /\\p{Present_In: " + version + "}/ }"
    return {int(line) for line in subprocess.run(["perl", "-e", code], capture_output=True, check=True, text=True).stdout.split()}


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def table(name, comment, points):
    print(f"/* {comment} */\nstatic const struct unicode_range {name}[] = {{")
    print(", ".join("{ 0x%x, 0x%x }" % (a, b) for a, b in ranges(points)))
    print("};")


def main():
    print("/* SPDX-License-Identifier: MIT */")
    print(f"/* Character classes as tokenizers {tokenizers.__version__} has them; made by make_unicode.py, not by hand. */")
    table("punctuation", "Punctuation, and all ASCII symbols: BertPreTokenizer cuts at them.", cut_off_by(pre_tokenizers.BertPreTokenizer()))
    table("nonspacing", "Mn: BertNormalizer's strip_accents removes them.", removed_by(bert(strip_accents=True)))
    table("marks", "M: StripAccents removes them.", removed_by(normalizers.StripAccents()))
    table("others", "Cc, Cf, Co and U+FFFD, but for tab and line ends: BertNormalizer's clean_text removes them.",
          removed_by(bert(clean_text=True)) | {0})
    table("unknown", "Not yet in Unicode 9.0, whose normal forms these are.", unknown_to("9.0"))
    lower, out = normalizers.Lowercase(), []
    for c in POINTS:  # lower cases newer than Unicode 14
        low = lower.normalize_str(chr(c))
        if len(low) == 1 and low != chr(c).lower():
            if out and out[-1][1] == c - 1 and out[-1][2] == ord(low) - c:
                out[-1][1] = c
            else:
                out.append([c, c, ord(low) - c])
    print("/* Lower cases added since Unicode " + unicodedata.unidata_version + ". */")
    print("static const struct lower_range { int32_t first, last, distance; } newer_lower[] = {")
    print(", ".join("{ 0x%x, 0x%x, %d }" % tuple(r) for r in out))
    print("};")


if __name__ == "__main__":
    main()
