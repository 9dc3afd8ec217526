#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LLaMA 3.1 and its relatives: llama3 rope scaling, untied head, biases of attention and feed-forward network."""
import pathlib
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = LlamaConfig(vocab_size=59, hidden_size=24, intermediate_size=29, num_hidden_layers=2, num_attention_heads=3,
                     num_key_value_heads=1, rms_norm_eps=1e-06, max_position_embeddings=96, attention_bias=True,
                     mlp_bias=True, tie_word_embeddings=False,
                     rope_parameters={'rope_type': 'llama3', 'rope_theta': 10000.0, 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, 'original_max_position_embeddings': 32})
model = tiny.randomize(LlamaForCausalLM(config), seed=1, gain=2.5, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 59, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
