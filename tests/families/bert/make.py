#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BERT without a head: hidden states and pooler, segments, padding."""
import pathlib
import sys

import torch
from transformers import BertConfig, BertModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = BertConfig(vocab_size=61, hidden_size=20, num_hidden_layers=3, num_attention_heads=5, intermediate_size=33,
                    max_position_embeddings=17, type_vocab_size=3, layer_norm_eps=1e-6)
model = tiny.randomize(BertModel(config), seed=11)
mask = [[1] * 11, [1] * 7 + [0] * 4]
generator = torch.Generator().manual_seed(2)
ids = torch.randint(4, 61, (2, 11), generator=generator)
segments = torch.randint(0, 3, (2, 11), generator=generator).numpy()
inputs = {"input_ids": ids.numpy(), "attention_mask": mask, "token_type_ids": segments}
tiny.save(pathlib.Path(__file__).parent, model, inputs, outputs=("last_hidden_state", "pooler_output"))
