#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Phi-3: fused projections, heads that turn in part, a sliding window."""
import pathlib
import sys

import torch
from transformers import Phi3Config, Phi3ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = Phi3Config(vocab_size=55, hidden_size=24, intermediate_size=29, num_hidden_layers=2, num_attention_heads=3,
                    num_key_value_heads=1, max_position_embeddings=96, original_max_position_embeddings=96,
                    sliding_window=7, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                    rope_parameters={'rope_type': 'default', 'rope_theta': 10000.0, 'partial_rotary_factor': 0.5})
model = tiny.randomize(Phi3ForCausalLM(config), seed=2, gain=2.5, embedding=0.3)
mask = [[1] * 10, [0] * 3 + [1] * 7]
ids = torch.randint(0, 55, (2, 10), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
