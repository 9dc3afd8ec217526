#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LLaMA with linear rope scaling, as many key as query heads; padding on the right."""
import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = LlamaConfig(vocab_size=47, hidden_size=16, intermediate_size=19, num_hidden_layers=2, num_attention_heads=2,
                     rms_norm_eps=1e-05, max_position_embeddings=96, tie_word_embeddings=False,
                     rope_parameters={'rope_type': 'linear', 'rope_theta': 10000.0, 'factor': 2.5})
model = tiny.randomize(LlamaForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [1] * 6 + [0] * 3]
ids = torch.randint(0, 47, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
