#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ViT without a head, on images that patches do not cover whole."""
import pathlib
import sys

import torch
from transformers import ViTConfig, ViTModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = ViTConfig(hidden_size=20, num_hidden_layers=3, num_attention_heads=5, intermediate_size=33, image_size=13,
                   patch_size=4, layer_norm_eps=1e-6)
model = tiny.randomize(ViTModel(config), seed=20)
pixels = torch.randn((2, 3, 13, 13), generator=torch.Generator().manual_seed(2)).numpy()
tiny.save(pathlib.Path(__file__).parent, model, {"pixel_values": pixels}, outputs=("last_hidden_state", "pooler_output"))
