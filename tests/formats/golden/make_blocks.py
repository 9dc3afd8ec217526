# SPDX-License-Identifier: MIT
"""Writes blocks.gguf: random and extreme blocks of every type that is read, each beside the values that the Python
package gguf (0.19.0) and numpy (2.4.6) give for it. Run: make_blocks.py blocks.gguf"""
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter, dequantize
from gguf.constants import GGML_QUANT_SIZES

# where a block's f16 scales stand: 0, -0, subnormals, 1, -1, the largest, infinities, NaN
HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
EXTREME = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]


def blocks(kind, random):
    elements, size = GGML_QUANT_SIZES[kind]
    count = 30 if elements == 32 else 14
    data = random.integers(0, 256, (count, size), dtype=np.uint8)
    for i in range(count):
        for n, at in enumerate(HALVES[kind]):
            bits = EXTREME[(i + 5 * n) % 13] if i < 13 else int(np.float16(random.normal()).view(np.uint16))
            data[i, at:at + 2] = np.frombuffer(np.uint16(bits).tobytes(), np.uint8)
    if elements == 32:  # every byte value is a pair of nibbles; all 256 occur
        data[14:, -16:] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return data.reshape(2, -1)


def main(path):
    random = np.random.default_rng(4)
    writer = GGUFWriter(path, "blocks")
    for kind in HALVES:
        data = blocks(kind, random)
        values = dequantize(data, kind)
        writer.add_tensor(kind.name.lower(), data, raw_shape=data.shape, raw_dtype=kind)
        writer.add_tensor(kind.name.lower() + ".values", values.astype(np.float32))
    f16 = np.concatenate([np.array(EXTREME, np.uint16), random.integers(0, 0x10000, 87, dtype=np.uint16)])
    bf16 = random.integers(0, 0x10000, 50, dtype=np.uint16)
    writer.add_tensor("f16", f16.view(np.float16))
    writer.add_tensor("f16.values", f16.view(np.float16).astype(np.float32))
    writer.add_tensor("bf16", bf16.view(np.uint8), raw_shape=(100,), raw_dtype=T.BF16)
    writer.add_tensor("bf16.values", dequantize(bf16.view(np.uint8), T.BF16))
    f64 = random.normal(size=20) * 10.0 ** random.integers(-40, 38, 20)
    writer.add_tensor("f64", f64)
    writer.add_tensor("f64.values", f64.astype(np.float32))
    for word in ["int8", "int16", "int32", "int64"]:
        low = np.iinfo(word if word != "int64" else "int32")
        ints = np.array([low.min, -1, 0, 1, low.max], word)
        writer.add_tensor(word, ints)
        writer.add_tensor(word + ".values", ints.astype(np.int32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


with np.errstate(all="ignore"):
    main(sys.argv[1])
