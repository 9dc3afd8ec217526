#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a family cannot do it refuses by name: config.json of a tiny model with one value changed. usage: test_refused.py CLADE"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# folder, key (dotted), value, words of the error
CASES = [
    ("bert", "hidden_act", "mish", "activation mish is not supported"),
    ("bert", "architectures", ["BertForMultipleChoice"], "class BertForMultipleChoice is not supported"),
    ("bert", "architectures", ["BertForMaskedLM"], "needs the head cls.predictions"),
    ("bert", "architectures", ["BertForTokenClassification"], "needs classifier.weight"),
    ("bert", "position_embedding_type", "relative_key", "relative_key"),
    ("bert", "is_decoder", True, "as a decoder"),
    ("bert-mlm", "architectures", ["BertForSequenceClassification"], "needs classifier.weight"),
    ("bert-mlm", "tie_word_embeddings", False, "needs the head cls.predictions"),
    ("bert-mlm", "num_attention_heads", 3, "heads"),
    ("bert-mlm", "num_hidden_layers", 3, "encoder.layer.2."),
    ("bert-mlm", "hidden_size", 24, "f32[61, 20]"),
    ("roberta", "hidden_act", "gelu_10", "activation gelu_10 is not supported"),
    ("roberta", "add_cross_attention", True, "as a decoder"),
    ("roberta", "architectures", ["RobertaForCausalLM"], "class RobertaForCausalLM is not supported"),
    ("distilbert", "activation", "tanh", "activation tanh is not supported"),
    ("distilbert", "architectures", ["DistilBertForSequenceClassification"], "needs classifier.weight"),
    ("vit", "hidden_act", "quick_gelu", "activation quick_gelu is not supported"),
    ("vit", "pooler_act", "sigmoid", "pooler's activation sigmoid"),
    ("vit", "qkv_bias", False, "qkv_bias is false, but the weights"),
    ("vit", "image_size", 17, "f32[1, 10, 20]"),
    ("vit", "architectures", ["ViTForMaskedImageModeling"], "class ViTForMaskedImageModeling is not supported"),
    ("gpt2", "activation_function", "tanh", "activation tanh is not supported"),
    ("gpt2", "add_cross_attention", True, "cross-attention"),
    ("gpt2", "tie_word_embeddings", False, "lm_head.weight"),
    ("gpt2", "architectures", ["GPT2DoubleHeadsModel"], "class GPT2DoubleHeadsModel is not supported"),
    ("opt", "activation_function", "gelu_10", "activation gelu_10 is not supported"),
    ("opt", "enable_bias", False, "enable_bias is false, but the weights"),
    ("opt", "word_embed_proj_dim", 10, "f32[61, 20]"),
    ("gpt_neox", "rope_parameters.rope_type", "yarn", "rope of type yarn is not supported"),
    ("gpt_neox", "rope_parameters.partial_rotary_factor", 0.3, "rotary positions on 3 of 10"),
    ("gpt_neox", "attention_bias", False, "attention_bias is false, but the weights"),
    ("bloom", "architectures", ["BloomForTokenClassification"], "class BloomForTokenClassification is not supported"),
    ("bloom", "model_type", "blom", "bloom"),
    ("marian", "activation_function", "quick_gelu", "activation quick_gelu is not supported"),
    ("marian", "architectures", ["MarianForCausalLM"], "class MarianForCausalLM is not supported"),
    ("marian", "decoder_layers", 3, "decoder.layers.2."),
    ("bart", "activation_function", "tanh", "activation tanh is not supported"),
    ("bart", "architectures", ["BartForSequenceClassification"], "class BartForSequenceClassification is not supported"),
    ("bart", "normalize_before", True, "normalize_before true"),
    ("bart", "max_position_embeddings", 71, "f32[72, 18]"),
    ("t5", "feed_forward_proj", "gated-tanh", "feed_forward_proj gated-tanh is not supported"),
    ("t5", "feed_forward_proj", "gated-gelu", "gated-gelu"),
    ("t5-v1_1", "feed_forward_proj", "relu", "relu"),
    ("t5", "architectures", ["T5ForTokenClassification"], "class T5ForTokenClassification is not supported"),
    ("t5", "relative_attention_max_distance", 2, "max_distance is 2"),
]


# folder, tokens: one more than the model has positions
LONG = [("bert", 18), ("distilbert", 18), ("roberta", 16), ("gpt2", 81), ("opt", 81)]


def too_long(folder, tokens):
    runs = [subprocess.run([sys.argv[1], "run", HERE / folder, "--device", "ref", "--in", f"input_ids={[[5] * count]}", "--quiet"],
                           capture_output=True, text=True) for count in (tokens - 1, tokens)]
    if runs[0].returncode == 0 and runs[1].returncode == 3 and "clade: error: " in runs[1].stderr:
        return 0
    print(f"FAILED {folder}: {tokens - 1} tokens exit {runs[0].returncode}, {tokens} exit {runs[1].returncode}, expected 0 and 3")
    return 1


def changed(folder, key, value):
    config = json.loads((HERE / folder / "config.json").read_text())
    place = config
    *path, last = key.split(".")
    for part in path:
        place = place[part]
    place[last] = value
    return config


def main():
    wrong = 0
    for folder, key, value, words in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            os.symlink(HERE / folder / "model.safetensors", pathlib.Path(scratch) / "model.safetensors")
            (pathlib.Path(scratch) / "config.json").write_text(json.dumps(changed(folder, key, value)))
            run = subprocess.run([sys.argv[1], "check", scratch, "--device", "ref"], capture_output=True, text=True)
        if run.returncode != 3 or words not in run.stderr or run.stderr.count("\n") != 1:
            print(f"FAILED {folder} {key} = {value}: exit {run.returncode}, expected 3 and \"{words}\":\n{run.stderr}")
            wrong += 1
    for folder, tokens in LONG:
        wrong += too_long(folder, tokens)
    print(f"{len(CASES) + len(LONG) - wrong} passed, {wrong} failed")
    sys.exit(wrong != 0)


main()
