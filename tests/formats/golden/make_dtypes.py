# SPDX-License-Identifier: MIT
"""Writes dtypes.safetensors: every element type that weights use, each beside its values as f32 or i32 (NAME.values), by
torch 2.15 and safetensors 0.8. Run: make_dtypes.py dtypes.safetensors"""
import sys

import torch
from safetensors.torch import save_file

torch.manual_seed(4)
tensors = {}
edges = torch.tensor([0.0, -0.0, 1.0, -1.5, 65504.0, 1e-8, -6e-8, 3e38, float("inf"), -float("inf"), float("nan")], dtype=torch.float64)
floats = torch.cat([edges, torch.randn(90, dtype=torch.float64) * 10.0 ** torch.randint(-30, 30, (90,))]).reshape(-1, 101)
for name, dtype in [("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)]:
    tensors[name] = floats.to(dtype)
for name, dtype in [("i8", torch.int8), ("i16", torch.int16), ("i32", torch.int32), ("u8", torch.uint8)]:
    low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    tensors[name] = torch.cat([torch.tensor([low, high, 0, 1]), torch.randint(low, high, (67,))]).to(dtype)
tensors["i64"] = torch.cat([torch.tensor([-2**31, 2**31 - 1, 0, -1]), torch.randint(-2**31, 2**31, (67,))])
tensors["bool"] = torch.rand(71) < 0.5
for name in list(tensors):
    t = tensors[name]
    tensors[name + ".values"] = t.to(torch.float32 if t.is_floating_point() else torch.int32).clone()
save_file(tensors, sys.argv[1])
