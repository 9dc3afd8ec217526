#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Buckets of T5's relative positions, from transformers: writes relative.txt beside itself. A line: buckets, max_distance,
bidirectional, then the first distance of each bucket among 0 .. max_distance + 200, for keys before the query."""
import pathlib

import torch
import transformers
from transformers.models.t5.modeling_t5 import T5Attention

lines = [f"# made by make_relative.py with transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}"]
for buckets, furthest in ((32, 128), (32, 127), (32, 129), (32, 300), (64, 128), (64, 1000), (10, 23), (7, 20), (4, 3), (16, 64), (128, 512),
                          (33, 100), (32, 4096), (5, 16000)):
    for both in (True, False):
        distance = torch.arange(furthest + 200)
        bucket = T5Attention._relative_position_bucket(-distance, both, buckets, furthest)
        ahead = T5Attention._relative_position_bucket(distance, both, buckets, furthest)
        assert torch.equal(ahead, torch.where(distance > 0, bucket + buckets // 2, 0) if both else torch.zeros_like(bucket))
        firsts = [int((bucket == i).nonzero()[0]) if (bucket == i).any() else -1 for i in range(int(bucket.max()) + 1)]
        assert all(a < b for a, b in zip([x for x in firsts if x >= 0], [x for x in firsts if x >= 0][1:]))
        lines.append(" ".join(map(str, [buckets, furthest, int(both)] + firsts)))
path = pathlib.Path(__file__).resolve().parent / "relative.txt"
path.write_text("\n".join(lines) + "\n")
