#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GPT-2: weights [in, out], fused projections, the head is the embedding."""
import pathlib
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = GPT2Config(vocab_size=61, n_embd=20, n_layer=3, n_head=5, n_positions=80, layer_norm_epsilon=1e-4,
                    bos_token_id=0, eos_token_id=0)
model = tiny.randomize(GPT2LMHeadModel(config), seed=22, gain=2.0, embedding=0.3)
mask = [[1] * 9, [1] * 6 + [0] * 3]
ids = torch.randint(0, 61, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
