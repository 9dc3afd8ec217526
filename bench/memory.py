#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peak memory and load rate of a LLaMA-shaped model of random weights: memory.py CLADE DEVICE [f32|bf16|f16] [LAYERS].

Prints one JSON object. `limit` is the promise: 1.05 x (weights + states + arena) + 100 MiB over `opened`, the peak of a
process that opens the device and runs one op. Exit 1 if the peak is above it. Needs Python alone; writes the model to
$TMPDIR and reads it once beforehand, so that the rate is that of the page cache.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

WIDTH, FFN, VOCAB = 1024, 2816, 32000
SDPA = ["--in", "q=[[[[1,0,0,0]]]]", "--in", "k=[[[[1,0,0,0]]]]", "--in", "v=[[[[1,2,3,4]]]]"]


def write_model(folder, dtype, layers):
    bytes_each = {"f32": 4, "bf16": 2, "f16": 2}[dtype]
    shapes = {"model.embed_tokens.weight": (VOCAB, WIDTH), "model.norm.weight": (WIDTH,)}
    for i in range(layers):
        at = f"model.layers.{i}."
        shapes.update({at + f"self_attn.{n}_proj.weight": (WIDTH, WIDTH) for n in "qkvo"})
        shapes.update({at + "mlp.gate_proj.weight": (FFN, WIDTH), at + "mlp.up_proj.weight": (FFN, WIDTH), at + "mlp.down_proj.weight": (WIDTH, FFN),
                       at + "input_layernorm.weight": (WIDTH,), at + "post_attention_layernorm.weight": (WIDTH,)})
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = bytes_each
        for n in shape:
            size *= n
        header[name] = {"dtype": dtype.upper(), "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # any small finite values: high bytes of numbers around 0.01
    rng = random.Random(1)
    pattern = {"f32": lambda: bytes([rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.choice((0x3b, 0xbb))]),
               "bf16": lambda: bytes([rng.randrange(256), rng.choice((0x3b, 0xbb))]), "f16": lambda: bytes([rng.randrange(256), rng.choice((0x20, 0xa0))])}
    block = b"".join(pattern[dtype]() for _ in range(65537))
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for left in range(offset, 0, -len(block)):
            file.write(block[:min(left, len(block))])
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": FFN, "vocab_size": VOCAB,
                   "num_hidden_layers": layers, "num_attention_heads": 16, "num_key_value_heads": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                   "max_position_embeddings": 2048, "rope_theta": 10000.0, "tie_word_embeddings": True}, file)
    return offset


def run(args):
    """seconds by the clock and of processor time, and peak resident bytes of a process"""
    start = time.monotonic()
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{args}: {error.decode()}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    clade, device = sys.argv[1:3]
    dtype = sys.argv[3] if len(sys.argv) > 3 else "f32"
    layers = int(sys.argv[4]) if len(sys.argv) > 4 else 6
    sdpa = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/sdpa.graph")
    with tempfile.TemporaryDirectory() as folder:
        file_bytes = write_model(folder, dtype, layers)
        generate = [clade, "generate", folder, "--ids", "1,2,3,4,5", "--print-ids", "-n", "1", "--ignore-eos", "--context", "128", "--device", device]
        check = json.loads(subprocess.run([clade, "check", folder, "--json", "--device", device, "--context", "128"], check=True, capture_output=True, text=True).stdout)
        _, _, opened = run([clade, "run", sdpa, *SDPA, "--device", device])
        run(generate)  # builds kernels
        seconds, busy, peak = run(generate)
        nothing, idle, _ = run([clade, "run", sdpa, *SDPA, "--device", device])
        need = check["weights_bytes"] + check["state_bytes"] + check["arena_bytes"]
        limit = int(1.05 * need) + (100 << 20) + opened
        result = {"device": device, "dtype": dtype, "file_bytes": file_bytes, "weights_bytes": check["weights_bytes"], "state_bytes": check["state_bytes"],
                  "arena_bytes": check["arena_bytes"], "opened": opened, "peak": peak, "limit": limit, "over_opened_and_need": peak - opened - need,
                  "seconds": round(seconds, 2), "file_bytes_per_second": round(file_bytes / max(seconds - nothing, 1e-3)),
                  "file_bytes_per_processor_second": round(file_bytes / max(busy - idle, 1e-3)), "load": os.getloadavg()[0]}
        print(json.dumps(result, indent=1))
        sys.exit(peak > limit)


if __name__ == "__main__":
    main()
