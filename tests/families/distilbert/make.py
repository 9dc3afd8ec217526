#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""DistilBERT without a head."""
import pathlib
import sys

import torch
from transformers import DistilBertConfig, DistilBertModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = DistilBertConfig(vocab_size=61, dim=20, n_layers=2, n_heads=5, hidden_dim=33, max_position_embeddings=17)
model = tiny.randomize(DistilBertModel(config), seed=14)
mask = [[1] * 11, [1] * 7 + [0] * 4]
generator = torch.Generator().manual_seed(2)
ids = torch.randint(4, 61, (2, 11), generator=generator)
inputs = {"input_ids": ids.numpy(), "attention_mask": mask}
tiny.save(pathlib.Path(__file__).parent, model, inputs, outputs=("last_hidden_state",))
