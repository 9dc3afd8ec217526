# SPDX-License-Identifier: MIT
"""Writes encoded.gguf: f32 values (x) beside what the Python package gguf (0.19.0) makes of them in each type that is
written (x.q8_0, ...). Run: make_encoded.py encoded.gguf"""
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter, quantize


def rows():
    random = np.random.default_rng(7)
    ramp = np.arange(32, dtype=np.float32)
    yield np.zeros(32)
    yield -np.zeros(32)
    yield ramp - 16  # ties: the first largest magnitude is -16
    yield 16 - ramp
    yield np.where(ramp % 2, 1.0, -1.0)  # all of one magnitude
    yield np.where(ramp % 2, -1.0, 1.0)
    yield (ramp - 15.5) * 127 / 15.5  # halves between steps of q8_0
    yield np.concatenate([[127.0], ramp[1:] * 0.5 - 7.75])
    yield np.concatenate([[-8.0], np.round(ramp[1:] - 16) * 0.5])  # halves between steps of q4_0
    yield np.concatenate([[8.0], np.round(ramp[1:] - 16) * 0.5])
    yield ramp * 1e-6  # subnormal f16 scales
    yield ramp * 3e-8
    yield ramp * 1e-20  # scales that become 0 in f16
    yield ramp * 1e-30 - 1e-29
    yield np.full(32, 65504.0 * 8)  # the largest scale of q4_0
    yield ramp * 3e5
    yield ramp * 1e6  # infinite f16 scales
    for i in range(47):
        yield random.normal(size=32) * 10.0 ** random.integers(-4, 4)


values = np.array(list(rows()), np.float32).reshape(32, 64)
writer = GGUFWriter(sys.argv[1], "encoded")
writer.add_tensor("x", values)
with np.errstate(all="ignore"):
    for kind in [T.Q8_0, T.Q4_0, T.F16, T.BF16]:
        data = quantize(values, kind)
        if kind in (T.F16,):
            writer.add_tensor("x." + kind.name.lower(), data)
        else:
            writer.add_tensor("x." + kind.name.lower(), data.view(np.uint8), raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
