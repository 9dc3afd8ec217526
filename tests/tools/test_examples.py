#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every command of the pages in examples/ and compares what it prints with what the page says.
Usage: test_examples.py PROGRAM SOURCE [DEVICE|--write]   (--write puts what is printed into the pages)"""
import glob
import os
import re
import shlex
import sys
import tempfile

from program import Program, main

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
DEVICE = sys.argv[3] if sys.argv[3:] and sys.argv[3] != "--write" else "ref"
CACHE = tempfile.TemporaryDirectory(prefix="clade-test-")  # one for all pages, which share most kernels
BLOCK = re.compile(r"^```console\n\$ clade ([^\n]*)\n(.*?)^```$", re.M | re.S)


def run(clade, command):
    clade.folder = os.path.join(SOURCE, "examples")
    return clade(*shlex.split(command), env={"CLADE_DEVICE": DEVICE, "XDG_CACHE_HOME": CACHE.name})[0]


def page_test(path):
    def test(clade):
        with open(path, encoding="utf-8") as file:
            blocks = BLOCK.findall(file.read())
        assert blocks, "a page without a command"
        for command, expected in blocks:
            got = run(clade, command)
            assert got == expected, f"clade {command}\n--- the page\n{expected}--- printed\n{got}"
    test.__name__, test.__doc__ = os.path.basename(path), "prints what it says"
    return test


def write(path):
    with tempfile.TemporaryDirectory() as folder, open(path, encoding="utf-8") as file:
        clade = Program(PROGRAM, folder)
        text = BLOCK.sub(lambda m: f"```console\n$ clade {m[1]}\n{run(clade, m[1])}```", file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_pages_and_graphs(clade):
    """every graph has its page, every page its graph, and the index names all"""
    pages = [os.path.basename(path)[:-3] for path in PAGES]
    graphs = [os.path.basename(path)[:-6] for path in sorted(glob.glob(os.path.join(SOURCE, "examples/[0-9]*.graph")))]
    with open(os.path.join(SOURCE, "examples/README.md"), encoding="utf-8") as file:
        index = re.findall(r"\]\((\d\d-[a-z-]+)\.md\)", file.read())
    assert pages == graphs == index and len(pages) >= 8, (pages, graphs, index)


PAGES = sorted(glob.glob(os.path.join(SOURCE, "examples/[0-9]*.md")))
if __name__ == "__main__":
    if sys.argv[3:] == ["--write"]:
        for page in PAGES:
            write(page)
    else:
        sys.exit(main([page_test(page) for page in PAGES] + [test_pages_and_graphs], PROGRAM, "examples"))
