#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GPT-NeoX with one part after the other, no attention biases, a tied head."""
import pathlib
import sys

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = GPTNeoXConfig(vocab_size=61, hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=33,
                       max_position_embeddings=80, bos_token_id=0, eos_token_id=0,
                       use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True,
                       rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0})
model = tiny.randomize(GPTNeoXForCausalLM(config), seed=27, gain=2.0, embedding=0.3)
mask = [[1] * 9, [0] * 3 + [1] * 6]
ids = torch.randint(0, 61, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
