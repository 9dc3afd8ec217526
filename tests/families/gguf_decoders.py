# SPDX-License-Identifier: MIT
"""What llama.cpp's converter writes of LLaMA and its relatives, for test_gguf.py: functions that yield the keys, then the tensors."""
import math

import numpy


def interleave(value, heads):
    """Rows of every head from two halves, as Hugging Face turns them, to pairs."""
    return value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)


def llama3_factors(config, width):
    """By what rope_freqs divides each frequency."""
    rope = config["rope_parameters"]
    low, high, original = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    for i in range(0, width, 2):
        length = 2 * math.pi * rope["rope_theta"] ** (i / width)
        smooth = (original / length - low) / (high - low)
        inside = 1 / ((1 - smooth) / rope["factor"] + smooth)
        yield 1.0 if length < original / high else rope["factor"] if length > original / low else inside


def keys(config):
    d, heads, rope = config["hidden_size"], config["num_attention_heads"], config["rope_parameters"]
    width = config.get("head_dim") or d // heads
    values = {"context_length": config["max_position_embeddings"], "embedding_length": d, "block_count": config["num_hidden_layers"],
              "feed_forward_length": config["intermediate_size"], "attention.head_count": heads,
              "attention.head_count_kv": config["num_key_value_heads"], "attention.key_length": width, "attention.value_length": width,
              "attention.layer_norm_rms_epsilon": config["rms_norm_eps"], "rope.freq_base": float(rope["rope_theta"]),
              "rope.dimension_count": int(width * rope.get("partial_rotary_factor", 1.0))}
    if rope["rope_type"] == "linear":
        values |= {"rope.scaling.type": "linear", "rope.scaling.factor": float(rope["factor"])}
    return values


def ends(config, tensor, norm=0):
    yield "token_embd.weight", tensor("embed_tokens.weight")
    yield "output_norm.weight", tensor("norm.weight") + numpy.float32(norm)
    if not config.get("tie_word_embeddings"):
        yield "output.weight", tensor("lm_head.weight")


def attention(config, tensor, layer, turn=False, biases="", scale=1.0):
    """biases: of which projections."""
    heads = {"q": config["num_attention_heads"], "k": config["num_key_value_heads"]}
    for letter, name in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "output")):
        for part in ("weight", "bias") if letter in biases else ("weight",):
            value = tensor(f"layers.{layer}.self_attn.{letter}_proj.{part}")
            if turn and letter in heads:
                value = interleave(value, heads[letter])
            yield f"blk.{layer}.attn_{name}.{part}", value * numpy.float32(scale) if letter == "q" else value


def norms(tensor, layer):
    yield f"blk.{layer}.attn_norm.weight", tensor(f"layers.{layer}.input_layernorm.weight")
    yield f"blk.{layer}.ffn_norm.weight", tensor(f"layers.{layer}.post_attention_layernorm.weight")


def network(tensor, layer, bias=False):
    for name in ("gate", "up", "down"):
        for part in ("weight", "bias") if bias else ("weight",):
            yield f"blk.{layer}.ffn_{name}.{part}", tensor(f"layers.{layer}.mlp.{name}_proj.{part}")


def llama(config, tensor):
    values = keys(config)
    yield values
    yield from ends(config, tensor)
    if config["rope_parameters"]["rope_type"] == "llama3":
        yield "rope_freqs.weight", numpy.array(list(llama3_factors(config, values["rope.dimension_count"])), numpy.float32)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        yield from attention(config, tensor, layer, turn=True, biases="qkvo" if config["attention_bias"] else "")
        yield from network(tensor, layer, bias=config["mlp_bias"])


def mistral(config, tensor):
    yield keys(config) | {"attention.sliding_window": config["sliding_window"]}
    yield from ends(config, tensor)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        yield from attention(config, tensor, layer, turn=True)
        yield from network(tensor, layer)


def mixtral(config, tensor):
    yield keys(config) | {"expert_count": config["num_local_experts"], "expert_used_count": config["num_experts_per_tok"],
                          "attention.sliding_window": config["sliding_window"]}
    yield from ends(config, tensor)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        yield from attention(config, tensor, layer, turn=True)
        yield f"blk.{layer}.ffn_gate_inp.weight", tensor(f"layers.{layer}.block_sparse_moe.gate.weight")
        for name, source in (("gate", "w1"), ("up", "w3"), ("down", "w2")):
            yield f"blk.{layer}.ffn_{name}_exps.weight", numpy.stack([
                tensor(f"layers.{layer}.block_sparse_moe.experts.{e}.{source}.weight") for e in range(config["num_local_experts"])])


def qwen2(config, tensor):
    yield keys(config)
    yield from ends(config, tensor)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        yield from attention(config, tensor, layer, biases="qkv")
        yield from network(tensor, layer)


def qwen3(config, tensor):
    yield keys(config)
    yield from ends(config, tensor)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        yield from attention(config, tensor, layer, biases="qkvo")
        for letter in "qk":
            yield f"blk.{layer}.attn_{letter}_norm.weight", tensor(f"layers.{layer}.self_attn.{letter}_norm.weight")
        yield from network(tensor, layer)


def phi3(config, tensor):
    yield keys(config) | {"attention.sliding_window": config["sliding_window"]}
    yield from ends(config, tensor)
    for layer in range(config["num_hidden_layers"]):
        yield from norms(tensor, layer)
        for name, source in (("attn_qkv", "self_attn.qkv_proj"), ("attn_output", "self_attn.o_proj"), ("ffn_up", "mlp.gate_up_proj"),
                             ("ffn_down", "mlp.down_proj")):
            yield f"blk.{layer}.{name}.weight", tensor(f"layers.{layer}.{source}.weight")


def gemma2(config, tensor):
    """The file has no query_pre_attn_scalar: queries are scaled so that the heads' width does instead."""
    scale = (config["head_dim"] / config["query_pre_attn_scalar"]) ** 0.5
    yield keys(config) | {"attention.sliding_window": config["sliding_window"], "attn_logit_softcapping": config["attn_logit_softcapping"],
                          "final_logit_softcapping": config["final_logit_softcapping"]}
    yield from ends(config, tensor, norm=1)
    for layer in range(config["num_hidden_layers"]):
        yield from attention(config, tensor, layer, scale=scale)
        for name, source in (("attn_norm", "input"), ("post_attention_norm", "post_attention"), ("ffn_norm", "pre_feedforward"),
                             ("post_ffw_norm", "post_feedforward")):
            yield f"blk.{layer}.{name}.weight", tensor(f"layers.{layer}.{source}_layernorm.weight") + numpy.float32(1)
        yield from network(tensor, layer)


# as FAMILIES of test_gguf.py
DECODERS = {
    "llama": ("llama", "model.", llama),
    "llama-linear": ("llama", "model.", llama),
    "llama-llama3": ("llama", "model.", llama),
    "mistral": ("llama", "model.", mistral),
    "mixtral": ("llama", "model.", mixtral),
    "qwen2-plain": ("qwen2", "model.", qwen2),
    "qwen3": ("qwen3", "model.", qwen3),
    "phi3": ("phi3", "model.", phi3),
    "gemma2": ("gemma2", "model.", gemma2),
}
