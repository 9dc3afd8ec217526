#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Qwen3: normalized queries and keys, a head width of its own, biases, a tied head."""
import pathlib
import sys

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = Qwen3Config(vocab_size=51, hidden_size=22, intermediate_size=25, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=10, max_position_embeddings=96, attention_bias=True,
                     tie_word_embeddings=True)
model = tiny.randomize(Qwen3ForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 51, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
