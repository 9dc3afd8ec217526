#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Models of random weights for the comparisons: `models.py encoder FOLDER` in PyTorch's environment, `models.py llama
FILE.gguf` in one with numpy. run.py calls it and keeps what it makes in the build folder.

encoder: the shape of all-MiniLM-L6-v2 as a Hugging Face folder, its ONNX export, and ids.i32, the ids that all sides
read. llama: 134 M parameters (12 layers of width 768, feed-forward 2048, 32000 words, head not tied) as GGUF in f32.
"""
import os
import struct
import sys

WIDTH, LAYERS, FEED, WORDS, HEADS = 768, 12, 2048, 32000, 12
GGUF_U32, GGUF_F32, GGUF_STRING, GGUF_ARRAY, GGUF_I32 = 4, 6, 8, 9, 5
ALIGNMENT = 32


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, kind, data):
    return text(key) + struct.pack("<I", kind) + data


def metadata():
    u32 = {"context_length": 2048, "embedding_length": WIDTH, "block_count": LAYERS, "feed_forward_length": FEED, "attention.head_count": HEADS,
           "attention.head_count_kv": HEADS, "rope.dimension_count": WIDTH // HEADS, "vocab_size": WORDS}
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    words += [f"w{i}" for i in range(WORDS - len(words))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (WORDS - 259)
    items = [pair("general.architecture", GGUF_STRING, text("llama")), pair("llama.attention.layer_norm_rms_epsilon", GGUF_F32, struct.pack("<f", 1e-5)),
             pair("llama.rope.freq_base", GGUF_F32, struct.pack("<f", 10000.0)), pair("tokenizer.ggml.model", GGUF_STRING, text("llama")),
             pair("tokenizer.ggml.tokens", GGUF_ARRAY, struct.pack("<IQ", GGUF_STRING, WORDS) + b"".join(map(text, words))),
             pair("tokenizer.ggml.scores", GGUF_ARRAY, struct.pack(f"<IQ{WORDS}f", GGUF_F32, WORDS, *[0.0] * WORDS)),
             pair("tokenizer.ggml.token_type", GGUF_ARRAY, struct.pack(f"<IQ{WORDS}i", GGUF_I32, WORDS, *kinds)),
             pair("tokenizer.ggml.bos_token_id", GGUF_U32, struct.pack("<I", 1)), pair("tokenizer.ggml.eos_token_id", GGUF_U32, struct.pack("<I", 2))]
    items += [pair("llama." + key, GGUF_U32, struct.pack("<I", value)) for key, value in u32.items()]
    return items


def shapes():
    yield "token_embd.weight", (WORDS, WIDTH)
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (WORDS, WIDTH)
    for i in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{i}.{name}.weight", (WIDTH, WIDTH)
        yield f"blk.{i}.ffn_gate.weight", (FEED, WIDTH)
        yield f"blk.{i}.ffn_up.weight", (FEED, WIDTH)
        yield f"blk.{i}.ffn_down.weight", (WIDTH, FEED)
        yield f"blk.{i}.attn_norm.weight", (WIDTH,)
        yield f"blk.{i}.ffn_norm.weight", (WIDTH,)


def make_llama(path):
    import numpy
    rng, items, infos, offset = numpy.random.default_rng(1), metadata(), b"", 0
    for name, shape in shapes():
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), 0, offset)
        offset += -(-4 * int(numpy.prod(shape)) // ALIGNMENT) * ALIGNMENT
    head = b"GGUF" + struct.pack("<IQQ", 3, len(list(shapes())), len(items)) + b"".join(items) + infos
    with open(path + ".part", "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT))
        for _, shape in shapes():
            values = numpy.ones(shape, "<f4") if len(shape) == 1 else rng.standard_normal(shape, dtype=numpy.float32) * numpy.float32(0.02)
            file.write(values.astype("<f4").tobytes() + bytes(-values.nbytes % ALIGNMENT))
    os.replace(path + ".part", path)


def make_encoder(folder):
    import numpy
    import torch
    from transformers import BertConfig, BertModel
    config = BertConfig(vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, max_position_embeddings=512)
    torch.manual_seed(0)
    os.makedirs(folder, exist_ok=True)
    numpy.random.default_rng(2).integers(1000, 30000, 32 * 512).astype("<i4").tofile(os.path.join(folder, "ids.i32"))
    BertModel(config, add_pooling_layer=False).eval().save_pretrained(folder)
    # without torch's fused attention, whose export ONNX Runtime fuses less of and runs more slowly
    model = BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    ids = torch.ones((2, 16), dtype=torch.int64)
    axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"}}
    torch.onnx.export(Hidden(), (ids, ids), os.path.join(folder, "model.part"), input_names=list(axes), output_names=["last_hidden_state"],
                      dynamic_axes=axes, dynamo=False, opset_version=17)
    os.replace(os.path.join(folder, "model.part"), os.path.join(folder, "model.onnx"))


if __name__ == "__main__":
    {"llama": make_llama, "encoder": make_encoder}[sys.argv[1]](sys.argv[2])
