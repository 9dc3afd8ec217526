#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Qwen2 without windows and with a tied head, as its small models are."""
import pathlib
import sys

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = Qwen2Config(vocab_size=49, hidden_size=20, intermediate_size=23, num_hidden_layers=2, num_attention_heads=2,
                     num_key_value_heads=1, max_position_embeddings=96, tie_word_embeddings=True,
                     rope_parameters={'rope_type': 'default', 'rope_theta': 1000000.0})
model = tiny.randomize(Qwen2ForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 49, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
