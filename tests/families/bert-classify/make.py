#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BERT as classifier in a file of old names: gamma and beta, no prefix."""
import pathlib
import sys

import safetensors.torch
import torch
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = BertConfig(vocab_size=61, hidden_size=20, num_hidden_layers=2, num_attention_heads=5, intermediate_size=33,
                    max_position_embeddings=17, type_vocab_size=3, layer_norm_eps=1e-6,
                    hidden_act="relu", num_labels=5)
model = tiny.randomize(BertForSequenceClassification(config), seed=13)
mask = [[1] * 11, [1] * 7 + [0] * 4]
generator = torch.Generator().manual_seed(2)
ids = torch.randint(4, 61, (2, 11), generator=generator)
inputs = {"input_ids": ids.numpy(), "attention_mask": mask}
tiny.save(pathlib.Path(__file__).parent, model, inputs, outputs=("logits",))

path = pathlib.Path(__file__).parent / "model.safetensors"
tensors = {}
for name, value in safetensors.torch.load_file(path).items():
    name = name.removeprefix("bert.")
    tensors[name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = value
safetensors.torch.save_file(tensors, path, {"format": "pt"})
