#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OPT: norms before each part, positions from row 2."""
import pathlib
import sys

import torch
from transformers import OPTConfig, OPTForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = OPTConfig(vocab_size=61, hidden_size=20, num_hidden_layers=3, num_attention_heads=5, ffn_dim=33,
                   max_position_embeddings=80)
model = tiny.randomize(OPTForCausalLM(config), seed=31, gain=2.5, embedding=0.4, spread=0.1)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 61, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
