#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""RoBERTa without a head; a padding token inside a text."""
import pathlib
import sys

import torch
from transformers import RobertaConfig, RobertaModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = RobertaConfig(vocab_size=61, hidden_size=20, num_hidden_layers=3, num_attention_heads=5, intermediate_size=33,
                       max_position_embeddings=17, type_vocab_size=1, layer_norm_eps=1e-5)
model = tiny.randomize(RobertaModel(config), seed=17)
mask = [[1] * 11, [1] * 7 + [0] * 4]
generator = torch.Generator().manual_seed(2)
ids = torch.randint(4, 61, (2, 11), generator=generator)
ids[torch.tensor(mask) == 0] = config.pad_token_id  # positions skip padding tokens, one of which stands inside
ids[0, 4] = config.pad_token_id
inputs = {"input_ids": ids.numpy(), "attention_mask": mask}
tiny.save(pathlib.Path(__file__).parent, model, inputs, outputs=("last_hidden_state", "pooler_output"))
