#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mixtral: 2 of 5 experts a token, a sliding window."""
import pathlib
import sys

import torch
from transformers import MixtralConfig, MixtralForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = MixtralConfig(vocab_size=53, hidden_size=24, intermediate_size=15, num_hidden_layers=2,
                       num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=96, num_local_experts=5,
                       num_experts_per_tok=2, sliding_window=6)
config._experts_implementation = "eager"  # the others know no float64
model = tiny.randomize(MixtralForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 53, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
