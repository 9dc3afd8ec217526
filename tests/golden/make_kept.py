#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The two checksums in tests/ops/test_kept.c, from NumPy's float16: f32 probes rounded to f16, and all of f16 as f32."""
import numpy as np

FIRST, LAST = 0x33000, 0x47810  # of the upper 20 bits: from below f16's smallest subnormal's half to above its largest
SPECIALS = [0x00000000, 0x80000000, 0x00000001, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 0x00800000]


def checksum(words, size):
    """FNV-1a of 64 bits over little-endian words"""
    value = 0xcbf29ce484222325
    for word in words.tolist():
        for shift in range(0, 8 * size, 8):
            value = (value ^ (word >> shift & 0xff)) * 0x100000001b3 & 0xffffffffffffffff
    return f"0x{value:016x}"


def canonical(bits, sign, nan, quiet):
    """-0 as +0, any NaN as one"""
    bits = bits.copy()
    bits[bits == sign] = 0
    bits[nan] = quiet
    return bits


upper = np.arange(FIRST, LAST, dtype=np.uint32) << 12
probes = np.stack([upper - 1, upper, upper + 1], axis=1).reshape(-1)
probes = np.concatenate([probes, probes | 0x80000000, np.array(SPECIALS, dtype=np.uint32)]).view(np.float32)
with np.errstate(over="ignore"):
    halves = probes.astype(np.float16)
print("rounded", checksum(canonical(halves.view(np.uint16), 0x8000, np.isnan(halves), 0x7e00), 2))
every = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
print("read", checksum(canonical(every.view(np.uint32), 0x80000000, np.isnan(every), 0x7fc00000), 4))
