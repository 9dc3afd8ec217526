#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BLOOM with residuals after the norms and an untied head."""
import pathlib
import sys

import torch
from transformers import BloomConfig, BloomForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = BloomConfig(vocab_size=61, hidden_size=20, n_layer=2, n_head=5, bos_token_id=0, eos_token_id=0,
                     apply_residual_connection_post_layernorm=True, tie_word_embeddings=False)
model = tiny.randomize(BloomForCausalLM(config), seed=29, gain=3.0, embedding=1.0, spread=0.1)
mask = [[1] * 9, [1] * 6 + [0] * 3]
ids = torch.randint(0, 61, (2, 9), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"input_ids": ids, "attention_mask": mask}, skip=tiny.pads(mask),
          prompt=[[1, 17, 5]])
