# SPDX-License-Identifier: MIT
"""Tiny models with random weights and golden outputs in float64, for tests/families/MODEL_TYPE[-VARIANT]/make.py.

save() writes config.json, model.safetensors (f32, as save_pretrained does) and golden.safetensors beside make.py:

    in.NAME        what the model was called with (i32; floats f32)
    out.NAME       what it gave (f64). Elements that are NaN are not compared (rows of padding).
    greedy.prompt  i32 [1, P]: a prompt; greedy.ids i32 [1, 64]: what follows greedily, recomputed from the start at
                   every step, no end token. Of an encoder-decoder: greedy.source too, and the prompt is the decoder's.
    metadata       versions of torch and transformers, greedy_gap (least distance of the two best logits), source

Needs torch, transformers, safetensors. Every parameter is random: a weight that a graph forgets changes the output.
"""
import json
import pathlib

import numpy
import safetensors.numpy
import torch
import transformers

STEPS = 64
LIMIT = 150_000  # bytes of a family


def randomize(model, seed, gain=1.0, embedding=1.0, spread=0.3, ones=True):
    """Random values for all parameters and learned buffers: matrices N(0, gain^2 / inputs), embeddings N(0, embedding^2),
    norms 1 + N(0, spread^2) (around 0 if not `ones`: Gemma), biases N(0, spread^2)."""
    generator = torch.Generator().manual_seed(seed)
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            module = modules[name.rpartition(".")[0]]
            if "Sinusoidal" in type(module).__name__:
                continue  # a table of waves, not saved
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
            if isinstance(module, torch.nn.Embedding):
                value = noise * embedding
            elif parameter.dim() >= 2:
                value = noise * gain / parameter.shape[-1] ** 0.5
            else:
                value = noise * spread + (1.0 if ones and name.endswith("weight") else 0.0)
            parameter.copy_(value)
        for name, buffer in sorted(model.named_buffers()):
            if name.endswith("final_logits_bias"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * spread)
    return model


def greedy(model, prompt, source=None, steps=STEPS):
    """Ids after `prompt` [1, P] in float64 without a cache, and the least gap between the two best logits."""
    ids, gap = torch.tensor(prompt), float("inf")
    extra = {} if source is None else {"input_ids": torch.tensor(source)}
    name = "input_ids" if source is None else "decoder_input_ids"
    with torch.no_grad():
        for _ in range(steps):
            logits = model(**{name: ids}, **extra, use_cache=False).logits[0, -1]
            best = torch.topk(logits, 2)
            gap = min(gap, float(best.values[0] - best.values[1]))
            ids = torch.cat([ids, best.indices[:1].reshape(1, 1)], dim=1)
    return ids[:, len(prompt[0]):].numpy(), gap


def pads(mask):
    """Rows [B, T] that a decoder's padding makes meaningless, as `skip` of save()."""
    return numpy.asarray(mask) == 0


def save(folder, model, inputs, outputs=("logits",), prompt=None, source=None, skip=None, least_gap=1e-5,
         least_kinds=8):
    """folder: of make.py. inputs: NAME -> array as transformers takes them (i64 ids, 0/1 masks, f32 pixels); batch 2 with
    padding. prompt [1, P]: also continue it greedily; with `source` [1, S] for an encoder-decoder. skip: bool [B, T], true
    where outputs [B, T, ...] mean nothing."""
    folder = pathlib.Path(folder)
    model = model.eval()
    model.config.dtype = "float32"
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model = model.double()
    tensors = {}
    with torch.no_grad():
        given = {name: torch.tensor(value) for name, value in inputs.items()}
        result = model(**{name: value.double() if value.is_floating_point() else value
                          for name, value in given.items()})
    for name, value in given.items():
        tensors["in." + name] = value.numpy().astype(numpy.float32 if value.is_floating_point() else numpy.int32)
    for name in outputs:
        value = result[name].detach().double().numpy().copy()
        kept = value if skip is None or value.shape[:2] != numpy.asarray(skip).shape else value[~numpy.asarray(skip)]
        assert numpy.isfinite(kept).all(), f"{name} holds values that are no numbers"
        padded = numpy.asarray(skip) if skip is not None else None
        if padded is None or value.shape[:2] != padded.shape:
            padded = numpy.zeros(value.shape[:2], bool)
        # left padding makes some models NaN in float64: rows that only see what the mask hides
        assert numpy.isfinite(value[~padded]).all(), f"{name} is not finite; pad on the right"
        value[padded] = numpy.nan
        tensors["out." + name] = value
    metadata = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
                "made": "tests/families/" + folder.resolve().name + "/make.py"}
    if prompt is not None:
        ids, gap = greedy(model, prompt, source)
        kinds = len(set(ids[0].tolist()))
        print(f"{folder.resolve().name}: {kinds} different ids of {ids.shape[1]}, least gap {gap:.3g}")
        assert gap >= least_gap and kinds >= least_kinds, "choose another seed or other scales"
        tensors["greedy.prompt"] = numpy.asarray(prompt, numpy.int32)
        tensors["greedy.ids"] = ids.astype(numpy.int32)
        if source is not None:
            tensors["greedy.source"] = numpy.asarray(source, numpy.int32)
        metadata["greedy_gap"] = f"{gap:.6g}"
    tensors = {name: numpy.ascontiguousarray(value) for name, value in tensors.items()}
    safetensors.numpy.save_file(tensors, folder / "golden.safetensors", metadata)
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    print(f"{folder.resolve().name}: {size} bytes, " + json.dumps({name: value.shape for name, value in tensors.items()}))
    assert size <= LIMIT, f"{size} bytes; at most {LIMIT}"
