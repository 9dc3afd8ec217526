#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BART: learned positions from row 2, a norm after the embeddings, exact GELU, a bias of the logits, padding on both sides."""
import pathlib
import sys

import torch
from transformers import BartConfig, BartForConditionalGeneration

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import tiny

config = BartConfig(vocab_size=59, d_model=18, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
                    decoder_attention_heads=3, encoder_ffn_dim=31, decoder_ffn_dim=27, max_position_embeddings=70,
                    activation_function="gelu", pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
                    forced_eos_token_id=2)
model = tiny.randomize(BartForConditionalGeneration(config), seed=1, spread=0.1)
with torch.no_grad():  # gains of both signs, or a tied head would repeat its input for ever
    model.model.decoder.layers[-1].final_layer_norm.weight.normal_(generator=torch.Generator().manual_seed(1))
generator = torch.Generator().manual_seed(2)
mask, target_mask = [[1] * 11, [1] * 7 + [0] * 4], [[1] * 6, [1] * 4 + [0] * 2]
ids, target = (torch.randint(0, 59, shape, generator=generator).numpy() for shape in ((2, 11), (2, 6)))
tiny.save(pathlib.Path(__file__).parent, model,
          {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": target, "decoder_attention_mask": target_mask},
          outputs=("logits", "encoder_last_hidden_state"), prompt=[[2]], source=[[0, 40, 11, 23, 17, 5, 2]])
