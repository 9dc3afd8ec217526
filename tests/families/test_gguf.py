#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tiny models again from GGUF files as llama.cpp's converter lays them out, written here with the `gguf` package: the same outputs and
greedy ids. usage: test_gguf.py CLADE [DEVICE]      CLADE_ORACLE_PYTHON names a Python with gguf and numpy; without it: skipped.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

oracle = os.environ.get("CLADE_ORACLE_PYTHON")
if oracle and sys.argv[-1] != "--here":
    sys.exit(subprocess.run([oracle, *sys.argv, "--here"]).returncode)
try:
    import gguf
    import numpy
except ImportError as missing:
    print(f"skipped: {missing}; CLADE_ORACLE_PYTHON names a Python that has it")
    sys.exit(77)

sys.dont_write_bytecode = True
from gguf_decoders import DECODERS
from gguf_t5 import T5

HERE = pathlib.Path(__file__).resolve().parent
NMSE = 1e-10
DTYPES = {"F32": numpy.float32, "F64": numpy.float64, "I32": numpy.int32, "I64": numpy.int64}


def read_safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: numpy.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def by_head(value, heads):
    """query_key_value with q, k, v of each head together, as all q, all k, all v."""
    parts = value.reshape(heads, 3, value.shape[0] // heads // 3, *value.shape[1:])
    return numpy.concatenate([parts[:, i].reshape(value.shape[0] // 3, *value.shape[1:]) for i in range(3)])


def gpt2(config, tensor):
    keys = {"context_length": config["n_positions"], "embedding_length": config["n_embd"], "block_count": config["n_layer"],
            "feed_forward_length": config["n_inner"] or 4 * config["n_embd"], "attention.head_count": config["n_head"],
            "attention.layer_norm_epsilon": config["layer_norm_epsilon"]}
    yield keys
    yield "token_embd.weight", tensor("wte.weight")
    yield "position_embd.weight", tensor("wpe.weight")
    for l in range(config["n_layer"]):
        for name, source in (("attn_norm", "ln_1"), ("attn_qkv", "attn.c_attn"), ("attn_output", "attn.c_proj"), ("ffn_norm", "ln_2"),
                             ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj")):
            weight = tensor(f"h.{l}.{source}.weight")
            yield f"blk.{l}.{name}.weight", weight.T if weight.ndim == 2 else weight
            yield f"blk.{l}.{name}.bias", tensor(f"h.{l}.{source}.bias")
    for part in ("weight", "bias"):
        yield "output_norm." + part, tensor("ln_f." + part)


def fused(config, tensor, layers, prefix, names, heads):
    for l in range(layers):
        for name, source in names:
            for part in ("weight", "bias"):
                value = tensor(f"{prefix}.{l}.{source}.{part}")
                yield f"blk.{l}.{name}.{part}", by_head(value, heads) if name == "attn_qkv" else value


def gpt_neox(config, tensor):
    d, heads, rope = config["hidden_size"], config["num_attention_heads"], config["rope_parameters"]
    yield {"context_length": config["max_position_embeddings"], "embedding_length": d, "block_count": config["num_hidden_layers"],
           "feed_forward_length": config["intermediate_size"], "attention.head_count": heads,
           "rope.dimension_count": int(rope["partial_rotary_factor"] * (d // heads)), "rope.freq_base": rope["rope_theta"],
           "use_parallel_residual": config["use_parallel_residual"], "attention.layer_norm_epsilon": config["layer_norm_eps"]}
    yield "token_embd.weight", tensor("embed_in.weight")
    yield from fused(config, tensor, config["num_hidden_layers"], "layers",
                     (("attn_norm", "input_layernorm"), ("attn_qkv", "attention.query_key_value"), ("attn_output", "attention.dense"),
                      ("ffn_norm", "post_attention_layernorm"), ("ffn_up", "mlp.dense_h_to_4h"), ("ffn_down", "mlp.dense_4h_to_h")), heads)
    for part in ("weight", "bias"):
        yield "output_norm." + part, tensor("final_layer_norm." + part)
    yield "output.weight", tensor("embed_out.weight")


def bloom(config, tensor):
    heads = config["n_head"]
    yield {"context_length": 2048, "embedding_length": config["hidden_size"], "block_count": config["n_layer"],
           "feed_forward_length": 4 * config["hidden_size"], "attention.head_count": heads, "attention.head_count_kv": heads,
           "attention.layer_norm_epsilon": config["layer_norm_epsilon"]}
    yield "token_embd.weight", tensor("word_embeddings.weight")
    for part in ("weight", "bias"):
        yield "token_embd_norm." + part, tensor("word_embeddings_layernorm." + part)
        yield "output_norm." + part, tensor("ln_f." + part)
    yield from fused(config, tensor, config["n_layer"], "h",
                     (("attn_norm", "input_layernorm"), ("attn_qkv", "self_attention.query_key_value"), ("attn_output", "self_attention.dense"),
                      ("ffn_norm", "post_attention_layernorm"), ("ffn_up", "mlp.dense_h_to_4h"), ("ffn_down", "mlp.dense_4h_to_h")), heads)


def bert(config, tensor):
    yield {"context_length": config["max_position_embeddings"], "embedding_length": config["hidden_size"],
           "block_count": config["num_hidden_layers"], "feed_forward_length": config["intermediate_size"],
           "attention.head_count": config["num_attention_heads"], "attention.layer_norm_epsilon": config["layer_norm_eps"],
           "attention.causal": False, "pooling_type": 0}
    yield "token_embd.weight", tensor("embeddings.word_embeddings.weight")
    yield "position_embd.weight", tensor("embeddings.position_embeddings.weight")
    yield "token_types.weight", tensor("embeddings.token_type_embeddings.weight")
    for part in ("weight", "bias"):
        yield "token_embd_norm." + part, tensor("embeddings.LayerNorm." + part)
    for l in range(config["num_hidden_layers"]):
        for name, source in (("attn_q", "attention.self.query"), ("attn_k", "attention.self.key"), ("attn_v", "attention.self.value"),
                             ("attn_output", "attention.output.dense"), ("attn_output_norm", "attention.output.LayerNorm"),
                             ("ffn_up", "intermediate.dense"), ("ffn_down", "output.dense"), ("layer_output_norm", "output.LayerNorm")):
            for part in ("weight", "bias"):
                yield f"blk.{l}.{name}.{part}", tensor(f"encoder.layer.{l}.{source}.{part}")


# folder: llama.cpp's architecture, the prefix of the tensors' names, what the converter writes
FAMILIES = {
    "gpt2": ("gpt2", "transformer.", gpt2),
    "gpt_neox": ("gptneox", "gpt_neox.", gpt_neox),
    "bloom": ("bloom", "transformer.", bloom),
    "bert": ("bert", "", bert),
} | DECODERS | T5
# what the format has no key for
SETTINGS = {"t5": ["--set", "max_distance=23"]}


def write(folder, path):
    architecture, prefix, convert = FAMILIES[folder]
    config = json.loads((HERE / folder / "config.json").read_text())
    tensors = read_safetensors(HERE / folder / "model.safetensors")
    writer = gguf.GGUFWriter(path, architecture)
    parts = convert(config, lambda name: tensors[prefix + name] if prefix + name in tensors else tensors[name])
    for key, value in next(parts).items():
        add = {bool: writer.add_bool, float: writer.add_float32, str: writer.add_string}.get(type(value), writer.add_uint32)
        add(f"{architecture}.{key}", value)
    writer.add_uint32(f"{architecture}.vocab_size", config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    if "type_vocab_size" in config:
        writer.add_token_type_count(config["type_vocab_size"])
    for name, value in parts:
        writer.add_tensor(name, numpy.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check(clade, device, folder, scratch):
    path = scratch / f"{folder}.gguf"
    write(folder, path)
    golden = read_safetensors(HERE / folder / "golden.safetensors")
    command, compared = [clade, "run", path, "--device", device, *SETTINGS.get(folder, [])], []
    for name, value in golden.items():
        kind, _, port = name.partition(".")
        if kind == "in":
            numpy.save(scratch / f"{port}.npy", value)
            command += ["--in", f"{port}={scratch / port}.npy"]
        elif kind == "out" and port != "pooler_output":  # llama.cpp's BERT has none
            command += ["--out", f"{port}={scratch / port}.npy"]
            compared.append((port, value))
    subprocess.run(command, check=True)
    worst = 0.0
    for port, expected in compared:
        got, kept = numpy.load(scratch / f"{port}.npy").astype(numpy.float64), ~numpy.isnan(expected)
        worst = max(worst, ((got - expected)[kept] ** 2).sum() / (expected[kept] ** 2).sum())
    assert compared and worst <= NMSE, f"{folder}: nmse {worst:.3g}"
    ids = 0
    if "greedy.ids" in golden:
        prompt, expected = golden.get("greedy.source", golden["greedy.prompt"])[0].tolist(), golden["greedy.ids"][0].tolist()
        ids = len(expected)
        text = subprocess.run([clade, "generate", path, "--device", device, "--ids", ",".join(map(str, prompt)), "-n", str(ids), "--print-ids",
                               *SETTINGS.get(folder, [])],
                              check=True, capture_output=True, text=True).stdout
        assert list(map(int, text.split())) == expected, f"{folder}: {text}"
    print(f"{folder}.gguf on {device}: nmse {worst:.2g}, {ids} greedy ids")


def main():
    clade, device = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] != "--here" else "ref"
    with tempfile.TemporaryDirectory() as scratch:
        for folder in FAMILIES:
            check(clade, device, folder, pathlib.Path(scratch))


main()
