#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Qwen2: biases of queries, keys and values; a sliding window from layer 1 on."""
import pathlib
import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = Qwen2Config(vocab_size=57, hidden_size=24, intermediate_size=27, num_hidden_layers=3, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=96, use_sliding_window=True, sliding_window=4,
                     max_window_layers=1, rope_parameters={'rope_type': 'default', 'rope_theta': 1000000.0})
model = tiny.randomize(Qwen2ForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 11, [1] * 8 + [0] * 3]
ids = torch.randint(0, 57, (2, 11), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
