#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden vectors for weights in the types that files store: make_stored.py writes stored.gguf beside itself.

The gguf package (of llama.cpp) packs the weights and expands them again; numpy multiplies in float64. A result is two f32
whose sum is the float64 value to 48 bits (".hi", ".lo"), with a bound of the error (".bound"). Some blocks have
scales that are subnormal in f16.
"""
import pathlib

import gguf
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {"f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16,
         "q8_0": gguf.GGMLQuantizationType.Q8_0, "q4_0": gguf.GGMLQuantizationType.Q4_0}
U = 2.0 ** -24
rng = np.random.default_rng(20261121)
x = rng.standard_normal((3, 544)).astype(np.float32)
writer = gguf.GGUFWriter(HERE / "stored.gguf", "golden")
writer.add_tensor("x", x)
for name, kind in TYPES.items():
    weight = rng.standard_normal((19, 544)).astype(np.float32)
    weight[3] *= 1e-4
    packed = gguf.quants.quantize(weight, kind)
    rows = gguf.quants.dequantize(packed, kind).astype(np.float32)
    exact = x.astype(np.float64) @ rows.astype(np.float64).T
    # K chained products, the sums over blocks and groups: each rounds once, and errors add as in a random walk (Higham and
    # Mary, A new approach to probabilistic rounding error analysis, 2019)
    terms = 544 + 544 // 32 + 3
    bound = 4 * np.sqrt(terms) * U * (np.abs(x).astype(np.float64) @ np.abs(rows).astype(np.float64).T)
    high = exact.astype(np.float32)
    writer.add_tensor(f"{name}.w", packed, raw_dtype=None if name == "f16" else kind)
    writer.add_tensor(f"{name}.hi", high)
    writer.add_tensor(f"{name}.lo", (exact - high.astype(np.float64)).astype(np.float32))
    writer.add_tensor(f"{name}.bound", (bound * 1.001).astype(np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
