#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BERT as masked language model: the head is the embedding; GELU by tanh."""
import pathlib
import sys

import torch
from transformers import BertConfig, BertForMaskedLM

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = BertConfig(vocab_size=61, hidden_size=20, num_hidden_layers=2, num_attention_heads=5, intermediate_size=33,
                    max_position_embeddings=17, type_vocab_size=3, layer_norm_eps=1e-6,
                    hidden_act="gelu_new")
model = tiny.randomize(BertForMaskedLM(config), seed=12)
mask = [[1] * 11, [1] * 7 + [0] * 4]
generator = torch.Generator().manual_seed(2)
ids = torch.randint(4, 61, (2, 11), generator=generator)
segments = torch.randint(0, 3, (2, 11), generator=generator).numpy()
inputs = {"input_ids": ids.numpy(), "attention_mask": mask, "token_type_ids": segments}
tiny.save(pathlib.Path(__file__).parent, model, inputs, outputs=("logits",))
