#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ViT as classifier: images and patches that are not square, no biases of queries, keys and values."""
import pathlib
import sys

import torch
from transformers import ViTConfig, ViTForImageClassification

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = ViTConfig(hidden_size=20, num_hidden_layers=2, num_attention_heads=5, intermediate_size=33, image_size=[9, 15],
                   patch_size=[3, 5], num_channels=2, qkv_bias=False, hidden_act="gelu_new", num_labels=5)
model = tiny.randomize(ViTForImageClassification(config), seed=21)
pixels = torch.randn((2, 2, 9, 15), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"pixel_values": pixels}, outputs=("logits",))
