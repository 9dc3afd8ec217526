#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Marian: the original encoder-decoder; sinusoidal positions, scaled and shared embeddings, a bias of the logits, padding on both sides."""
import pathlib
import sys

import torch
from transformers import MarianConfig, MarianMTModel

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = MarianConfig(vocab_size=67, d_model=18, encoder_layers=2, decoder_layers=2, encoder_attention_heads=3,
                      decoder_attention_heads=2, encoder_ffn_dim=29, decoder_ffn_dim=35, max_position_embeddings=90,
                      activation_function="swish", scale_embedding=True, pad_token_id=66, decoder_start_token_id=66,
                      eos_token_id=0, forced_eos_token_id=0)
model = tiny.randomize(MarianMTModel(config), seed=1, embedding=0.3, spread=0.1)
with torch.no_grad():  # gains of both signs, or a tied head would repeat its input for ever
    model.model.decoder.layers[-1].final_layer_norm.weight.normal_(generator=torch.Generator().manual_seed(1))
generator = torch.Generator().manual_seed(2)
mask, target_mask = [[1] * 11, [1] * 7 + [0] * 4], [[1] * 6, [1] * 4 + [0] * 2]
ids, target = (torch.randint(0, 66, shape, generator=generator).numpy() for shape in ((2, 11), (2, 6)))
tiny.save(pathlib.Path(__file__).parent, model,
          {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": target, "decoder_attention_mask": target_mask},
          outputs=("logits", "encoder_last_hidden_state"), prompt=[[66]], source=[[5, 40, 11, 23, 17, 2, 0]])
