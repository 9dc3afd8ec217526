# SPDX-License-Identifier: MIT
"""A machine with AVX-512 that runs as one with AVX2 alone: what each side gets for it, and the words that the page has
for it. A peer says its own part in peers/NAME.py: AVX2_ENV, AVX2_BUILD or AVX2_PRELOAD."""
import os

import machine

LIBRARY = "without_avx512.so"  # beside the C programs of the comparisons
WIDTH = 8  # floats of a vector of AVX2
FEATURES = ("AVX512F", "AVX512VL", "AVX512BW", "AVX512DQ", "AVX512CD")
POCL = "PoCL: LLVM tells it of no AVX-512 (" + LIBRARY + ")"


class Isa:
    """What sides may use: all that the processor has (name None), or no AVX-512 (avx2)."""

    def __init__(self, name=None, folder=None):
        self.name, self.folder = name, folder

    def environment(self, module=None):
        """more variables of a peer's processes, or of ours"""
        if not self.name:
            return {}
        preload = [os.path.join(self.folder, library) for library in (LIBRARY, *getattr(module, "AVX2_PRELOAD", []))]
        return {"LD_PRELOAD": ":".join(preload), "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join("-" + name for name in FEATURES), **getattr(module, "AVX2_ENV", {})}

    def build(self, module):
        """more variables while a peer is compiled; not empty: it has an environment of its own, called NAME-avx2"""
        return getattr(module, "AVX2_BUILD", {}) if self.name else {}

    def words(self, modules):
        """what the page says of a run with these peers, each by itself"""
        if not self.name:
            return []
        ways = [POCL]
        for module in modules:
            settings = {**getattr(module, "AVX2_ENV", {}), **self.build(module)}
            words = [*(f"{key}={value}" for key, value in settings.items()), *getattr(module, "AVX2_PRELOAD", [])]
            if words:
                ways.append(f"{module.NAME}: " + " ".join(words))
        return ways


def choose(name, folder):
    """of --isa; `folder` holds the C programs. A processor without AVX-512 needs nothing done"""
    return Isa(name, folder) if name == "avx2" and machine.kind() == "avx512" else Isa()
