# SPDX-License-Identifier: MIT
"""What llama.cpp's converter writes of T5, for test_gguf.py: a function that yields the keys, then the tensors."""

SELF = (("attn_q", "SelfAttention.q"), ("attn_k", "SelfAttention.k"), ("attn_v", "SelfAttention.v"), ("attn_o", "SelfAttention.o"))
CROSS = tuple((name.replace("attn", "cross_attn"), source.replace("Self", "EncDec")) for name, source in SELF)


def network(config):
    if config["feed_forward_proj"].startswith("gated"):
        return ("ffn_gate", "DenseReluDense.wi_0"), ("ffn_up", "DenseReluDense.wi_1"), ("ffn_down", "DenseReluDense.wo")
    return ("ffn_up", "DenseReluDense.wi"), ("ffn_down", "DenseReluDense.wo")


def t5(config, tensor):
    yield {"context_length": 512, "embedding_length": config["d_model"], "feed_forward_length": config["d_ff"],
           "block_count": config["num_layers"], "decoder_block_count": config["num_decoder_layers"],
           "attention.head_count": config["num_heads"], "attention.key_length": config["d_kv"], "attention.value_length": config["d_kv"],
           "attention.layer_norm_epsilon": config["layer_norm_epsilon"], "attention.layer_norm_rms_epsilon": config["layer_norm_epsilon"],
           "attention.relative_buckets_count": config["relative_attention_num_buckets"],
           "decoder_start_token_id": config["decoder_start_token_id"]}
    yield "token_embd.weight", tensor("shared.weight")
    if not config["scale_decoder_outputs"]:  # a head of its own
        yield "output.weight", tensor("lm_head.weight")
    for short, stack, layers, parts in (
            ("enc", "encoder", config["num_layers"], (("attn_norm", SELF), ("ffn_norm", network(config)))),
            ("dec", "decoder", config["num_decoder_layers"], (("attn_norm", SELF), ("cross_attn_norm", CROSS), ("ffn_norm", network(config))))):
        for layer in range(layers):
            for number, (norm, names) in enumerate(parts):
                place = f"{stack}.block.{layer}.layer.{number}"
                yield f"{short}.blk.{layer}.{norm}.weight", tensor(f"{place}.layer_norm.weight")
                for name, source in names:
                    yield f"{short}.blk.{layer}.{name}.weight", tensor(f"{place}.{source}.weight")
        yield f"{short}.blk.0.attn_rel_b.weight", tensor(f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
        yield f"{short}.output_norm.weight", tensor(f"{stack}.final_layer_norm.weight")


# as FAMILIES of test_gguf.py
T5 = {"t5": ("t5", "", t5), "t5-v1_1": ("t5", "", t5)}
