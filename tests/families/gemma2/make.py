#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Gemma 2: norms around 1 + weight, capped scores and logits, alternating windows."""
import pathlib
import sys

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = Gemma2Config(vocab_size=57, hidden_size=24, intermediate_size=27, num_hidden_layers=3,
                      num_attention_heads=4, num_key_value_heads=2, head_dim=10, max_position_embeddings=96,
                      query_pre_attn_scalar=7, sliding_window=4, attn_logit_softcapping=3.0,
                      final_logit_softcapping=2.5)
model = tiny.randomize(Gemma2ForCausalLM(config), seed=6, gain=2.0, embedding=0.1, ones=False)
mask = [[1] * 11, [1] * 8 + [0] * 3]
ids = torch.randint(0, 57, (2, 11), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
