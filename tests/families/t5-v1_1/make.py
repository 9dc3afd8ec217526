#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""T5 1.1: gated GELU, a head of its own; sources longer than max_distance, padding on both sides."""
import pathlib
import sys

import torch
from transformers import T5Config, T5ForConditionalGeneration

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = T5Config(vocab_size=61, d_model=14, d_kv=5, d_ff=29, num_layers=3, num_decoder_layers=2, num_heads=3,
                  decoder_start_token_id=0, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
model = T5ForConditionalGeneration(config)
model.lm_head.weight = torch.nn.Parameter(torch.empty(61, 14))
model.config.tie_word_embeddings = False
model = tiny.randomize(model, seed=1, gain=1.0)
generator = torch.Generator().manual_seed(2)
mask, target_mask = [[1] * 31, [1] * 27 + [0] * 4], [[1] * 28, [1] * 24 + [0] * 4]
ids, target = (torch.randint(0, 61, shape, generator=generator).numpy() for shape in ((2, 31), (2, 28)))
tiny.save(pathlib.Path(__file__).parent, model,
          {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": target, "decoder_attention_mask": target_mask},
          outputs=("logits", "encoder_last_hidden_state"), prompt=[[0]], source=[[5, 40, 11, 23, 17, 2, 1]])
