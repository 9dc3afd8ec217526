#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes sampling_golden.json: what the logits processors of transformers make of small rows of logits, in float64.

Usage: make_sampling_golden.py > sampling_golden.json   (needs torch and transformers)

Presence and frequency penalties are not in transformers; they are applied here by OpenAI's formula between the
repetition penalty and the temperature. null stands for minus infinity.
"""
import json
import sys

import torch
import transformers
from transformers import GenerationConfig, LogitsProcessorList
from transformers.generation.logits_process import (MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                                                    TopKLogitsWarper, TopPLogitsWarper)

N = 37
DEFAULTS = dict(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repetition=1.0, presence=0.0, frequency=0.0)


def chain(logits, prompt, answer, s):
    scores = torch.tensor([logits], dtype=torch.float64)
    ids = torch.tensor([prompt + answer])
    first = LogitsProcessorList()
    if s["repetition"] != 1.0:
        first.append(RepetitionPenaltyLogitsProcessor(s["repetition"]))
    scores = first(ids, scores)
    for token in set(answer):
        scores[0, token] -= s["presence"] + s["frequency"] * answer.count(token)
    rest = LogitsProcessorList()  # in the order of GenerationMixin._get_logits_processor
    if s["temperature"] not in (0.0, 1.0):
        rest.append(TemperatureLogitsWarper(s["temperature"]))
    if s["top_k"]:
        rest.append(TopKLogitsWarper(s["top_k"]))
    if s["top_p"] < 1.0:
        rest.append(TopPLogitsWarper(s["top_p"]))
    if s["min_p"]:
        rest.append(MinPLogitsWarper(s["min_p"]))
    return rest(ids, scores)[0].tolist()


def check_order():
    """The order above is that of a model's own chain."""
    from transformers import LlamaConfig, LlamaForCausalLM
    model = LlamaForCausalLM(LlamaConfig(vocab_size=N, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1))
    config = GenerationConfig(do_sample=True, temperature=0.7, top_k=5, top_p=0.9, min_p=0.1, repetition_penalty=1.3)
    config._eos_token_tensor = config._pad_token_tensor = None
    names = [type(p).__name__ for p in model._get_logits_processor(config, input_ids_seq_length=3)]
    want = ["RepetitionPenaltyLogitsProcessor", "TemperatureLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper", "MinPLogitsWarper"]
    assert names == want, names


def main():
    check_order()
    generator = torch.Generator().manual_seed(4)
    rows = {
        "normal": (torch.randn(N, generator=generator) * 3).tolist(),
        "flat": (torch.randn(N, generator=generator) * 0.1).tolist(),
        "ties": [float(i % 4) for i in range(N)],
        "equal": [1.5] * N,
        "steep": [-2.0 * i for i in range(N)],
        "masked": [float("-inf") if i % 3 else float(i) / 7 for i in range(N)],
        "huge": [1e30 if i == 5 else -1e30 for i in range(N)],
    }
    settings = [dict(), dict(temperature=0.0, repetition=1.7, presence=0.5, frequency=0.25)]
    settings += [dict(temperature=t) for t in (0.3, 1.9)]
    settings += [dict(top_k=k) for k in (1, 2, 7, N - 1, N, 100)]
    settings += [dict(top_p=p) for p in (0.0, 0.1, 0.5, 0.9, 0.999)]
    settings += [dict(min_p=p) for p in (0.01, 0.2, 1.0)]
    settings += [dict(repetition=r) for r in (0.5, 1.3)]
    settings += [dict(presence=0.6), dict(frequency=0.4), dict(presence=-0.5, frequency=1.5)]
    settings += [dict(temperature=0.7, top_k=9, top_p=0.8, min_p=0.05, repetition=1.2, presence=0.3, frequency=0.2)]
    settings += [dict(temperature=1.4, top_p=0.7, repetition=1.1), dict(top_k=12, min_p=0.3)]
    cases = []
    for name, logits in rows.items():
        logits = torch.tensor(logits, dtype=torch.float32).tolist()
        for s in settings:
            s = {**DEFAULTS, **s}
            scores = chain(logits, [3, 3, 8, 0], [5, 8, 5, 5, 36], s)
            cases.append(dict(name=name, scores=[None if x == float("-inf") else x for x in scores],
                              **{k: v for k, v in s.items() if v != DEFAULTS[k]}))
    rows = {name: [None if x == float("-inf") else x for x in torch.tensor(r, dtype=torch.float32).tolist()] for name, r in rows.items()}
    json.dump(dict(versions=f"transformers {transformers.__version__}, torch {torch.__version__}", prompt=[3, 3, 8, 0],
                   answer=[5, 8, 5, 5, 36], rows=rows, cases=cases), sys.stdout, separators=(",", ":"))


main()
