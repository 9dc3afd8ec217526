#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ids of transformers' beam search in float64 on tests/families' models: writes beams_golden.json beside itself. Each case: the model's folder,
a generation_config.json, a prompt (or source), options of `clade generate`, and the ids up to the end token."""
import itertools
import json
import os
import pathlib

os.environ["OMP_NUM_THREADS"] = "1"
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

HERE = pathlib.Path(__file__).resolve().parent
MODELS = {  # end tokens that the models do choose
    "marian": {"eos_token_id": [5, 51, 18], "pad_token_id": 66, "decoder_start_token_id": 66},
    "bart": {"eos_token_id": [43, 18], "pad_token_id": 1, "decoder_start_token_id": 2},
    "t5": {"eos_token_id": 7, "pad_token_id": 0, "decoder_start_token_id": 0},
    "t5-v1_1": {"eos_token_id": 7, "pad_token_id": 0, "decoder_start_token_id": 0},
    "gpt2": {"eos_token_id": [3, 9], "pad_token_id": 3},
    "llama": {"eos_token_id": [11, 5, 22], "pad_token_id": 11},
}
# What summarization models ship: all of transformers' constraints that clade knows, with greedy search too.
EXTRA = {"forced_bos_token_id": 4, "forced_eos_token_id": 2, "min_length": 6, "no_repeat_ngram_size": 2, "bad_words_ids": [[40], [12]],
         "suppress_tokens": [13, 30], "length_penalty": 2.0, "early_stopping": True}
NEW = 14


def cut(ids, ends):
    ends = ends if isinstance(ends, list) else [ends]
    return ids[:min([i for i, x in enumerate(ids) if x in ends] + [len(ids)])]


def search(model, config, prompt, beams, encoder, **settings):
    given = GenerationConfig(**config, **settings, num_beams=beams, do_sample=False, max_new_tokens=NEW)
    with torch.no_grad():
        ids = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                             generation_config=given)[0].tolist()
    return cut(ids[1 if encoder else len(prompt):], config["eos_token_id"])


def main():
    cases = []
    for name, config in MODELS.items():
        folder = HERE.parent / "families" / name
        encoder = "decoder_start_token_id" in config
        model = (AutoModelForSeq2SeqLM if encoder else AutoModelForCausalLM).from_pretrained(folder).double().eval()
        model.generation_config = GenerationConfig()
        for end in ("eos_token_id", "forced_eos_token_id", "forced_bos_token_id"):
            setattr(model.config, end, None)
        generator = torch.Generator().manual_seed(len(name))

        def draw():
            length = int(torch.randint(2, 12, (1,), generator=generator))
            return torch.randint(3, model.config.vocab_size - 1, (length,), generator=generator).tolist()

        for beams, penalty, early in itertools.product((2, 3, 4), (0.0, 1.0, 2.0), (False, True, "never")):
            prompt = draw()
            ids = search(model, config, prompt, beams, encoder, length_penalty=penalty, early_stopping=early)
            cases.append({"model": name, "config": config, "prompt": prompt, "ids": ids,
                          "options": ["--beams", str(beams), "--length-penalty", str(penalty), "--early-stopping", str(early).lower()]})
        if encoder:
            more = {**config, **EXTRA}
            for beams in (1, 2, 4):
                prompt = draw()
                cases.append({"model": name, "config": more, "prompt": prompt, "ids": search(model, more, prompt, beams, encoder),
                              "options": ["--beams", str(beams)]})
    short = sum(len(case["ids"]) < NEW for case in cases)
    print(len(cases), "cases,", short, "end early,", len({tuple(case["ids"]) for case in cases}), "different answers")
    rows = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "beams_golden.json").write_text(f'{{"transformers": "{transformers.__version__}", "new": {NEW}, "cases": [\n{rows}\n]}}\n')


main()
