#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mistral: a sliding window shorter than the prompt."""
import pathlib
import sys

import torch
from transformers import MistralConfig, MistralForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = MistralConfig(vocab_size=53, hidden_size=20, intermediate_size=31, num_hidden_layers=2,
                       num_attention_heads=4, num_key_value_heads=2, head_dim=6, max_position_embeddings=96,
                       sliding_window=5)
model = tiny.randomize(MistralForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 13, [0] * 3 + [1] * 10]
ids = torch.randint(0, 53, (2, 13), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
