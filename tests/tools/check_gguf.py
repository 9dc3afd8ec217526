# SPDX-License-Identifier: MIT
"""Compares a GGUF file made of a Hugging Face directory with what the Python package gguf (names and quantisation) says it
must hold. Usage: check_gguf.py DIRECTORY FILE TYPE; needs gguf and numpy (CLADE_ORACLE_PYTHON)."""
import glob
import json
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gpt2": "gpt2"}


def load(folder):
    tensors = {}
    for path in glob.glob(folder + "/model.safetensors") or sorted(glob.glob(folder + "/model-*.safetensors")):
        with open(path, "rb") as file:
            data = file.read()
        length = int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:8 + length]).items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + x for x in entry["data_offsets"])
            raw = data[begin:end]
            if entry["dtype"] == "BF16":
                values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
            else:
                values = np.frombuffer(raw, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[entry["dtype"]]).astype(np.float32)
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def pairs(values, heads):
    """Rows of each head from two halves to interleaved pairs, as llama.cpp turns them."""
    return values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def expected(config, tensors):
    family = config["model_type"]
    architecture = ARCHITECTURES[family]
    number = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture)
    names = gguf.get_tensor_name_map(number, config.get("num_hidden_layers") or config["n_layer"])
    experts = {}
    for name, values in tensors.items():
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        if architecture == "llama" and (".q_proj." in name or ".k_proj." in name):
            values = pairs(values, config["num_attention_heads" if ".q_proj." in name else "num_key_value_heads"])
        if family == "gpt2" and values.ndim == 2 and ".h." in "." + name:
            values = values.T
        if ".experts." in name:
            layer, expert, part = name.split(".")[2], name.split(".")[5], name.split(".")[6]
            experts.setdefault((layer, {"w1": "gate", "w2": "down", "w3": "up"}[part]), {})[int(expert)] = values
            continue
        stem = name if names.get_name(name, (".weight", ".bias")) else name.removeprefix("transformer.")
        yield names.get_name(stem, (".weight", ".bias")) or names.get_name("model." + stem, (".weight", ".bias")), values
    for (layer, part), values in experts.items():
        yield f"blk.{layer}.ffn_{part}_exps.weight", np.stack([values[i] for i in range(len(values))])


def main(folder, path, kind):
    with open(folder + "/config.json") as file:
        config = json.load(file)
    reader = gguf.GGUFReader(path)
    got = {t.name: t for t in reader.tensors}
    compared = {}
    for name, values in expected(config, load(folder)):
        tensor = got.pop(name)
        wanted = T.F32 if values.ndim < 2 else T[kind.upper()] if values.shape[-1] % 32 == 0 else T.F16
        assert tensor.tensor_type == wanted, (name, tensor.tensor_type)
        assert [int(x) for x in tensor.shape[::-1]] == list(values.shape), (name, tensor.shape, values.shape)
        data = values if wanted == T.F32 else gguf.quantize(np.ascontiguousarray(values), wanted)
        assert tensor.data.tobytes() == data.tobytes(), (name, wanted)
        compared[wanted.name] = compared.get(wanted.name, 0) + 1
    got.pop("rope_freqs.weight", None)
    assert not got, f"more tensors than expected: {list(got)}"
    print(json.dumps(compared))


main(*sys.argv[1:])
