#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LLaMA: grouped-query attention, tied head, a head width that is not hidden_size / heads."""
import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = LlamaConfig(vocab_size=61, hidden_size=20, intermediate_size=33, num_hidden_layers=3, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=6, rms_norm_eps=1e-5, max_position_embeddings=96,
                     tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 5000.0})
model = tiny.randomize(LlamaForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 61, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
