#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade quantize: GGUF whose tensors are the gguf package's and whose ids are llama.cpp's, safetensors in f16 and bf16, and
what is refused. Usage: test_quantize.py PROGRAM SOURCE"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

from program import main

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FAMILIES, HERE = os.path.join(SOURCE, "tests/families"), os.path.dirname(os.path.abspath(__file__))
SHARED, ORACLE = os.environ.get("CLADE_SHARED_DATA"), os.environ.get("CLADE_ORACLE_PYTHON")
with open(os.path.join(HERE, "quantize_golden.json")) as golden:
    GOLDEN = json.load(golden)


def out(clade, name):
    return os.path.join(clade.folder, name)


def leftovers(clade):
    return [name for name in os.listdir(clade.folder) if ".part" in name]


def tensors(path):
    """Name -> dtype, shape, bytes of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    return {name: (t["dtype"], t["shape"], data[8 + length + t["data_offsets"][0]:8 + length + t["data_offsets"][1]])
            for name, t in header.items() if name != "__metadata__"}


def generate(clade, path, ids, count):
    text = clade("generate", path, "--ids", ",".join(map(str, ids)), "--print-ids", "-n", str(count), "--ignore-eos")[0]
    return [int(word) for word in text.split()]


def test_llama_cpp_ids(clade):
    """the greedy ids of llama.cpp on the files made of the tiny models (quantize_golden.json)"""
    for case in GOLDEN["cases"]:
        path = out(clade, "model.gguf")
        clade("quantize", os.path.join(FAMILIES, case["model"]), "--type", case["type"], "-o", path, *case["set"])
        got = generate(clade, path, GOLDEN["prompt"], len(case["ids"]))
        assert got == case["ids"], (case["model"], case["type"], got, case["ids"])
        os.remove(path)
    assert len(GOLDEN["cases"]) == 14 and not leftovers(clade)


def test_gguf_bytes(clade):
    """every tensor has the name, shape, type and bytes that the gguf package gives it"""
    if not ORACLE:
        return "CLADE_ORACLE_PYTHON is not set"
    models = [os.path.join(FAMILIES, case["model"]) for case in GOLDEN["cases"][::2]]
    models += [os.path.join(SHARED, "stories260K/hf")] if SHARED else []
    compared = {}
    for model in models:
        for kind in ["q8_0", "q4_0"]:
            path = out(clade, "model.gguf")
            sets = next((case["set"] for case in GOLDEN["cases"] if model.endswith("/" + case["model"])), [])
            clade("quantize", model, "--type", kind, "-o", path, *sets)
            check = subprocess.run([ORACLE, os.path.join(HERE, "check_gguf.py"), model, path, kind], capture_output=True, text=True)
            assert check.returncode == 0, (model, kind, check.stderr)
            for name, count in json.loads(check.stdout).items():
                compared[name] = compared.get(name, 0) + count
            os.remove(path)
    print("tensors compared:", compared)
    assert sum(compared.values()) > 300


def test_stories(clade):
    """stories260K: the tensors of the file that others made, their 200 greedy steps, and metadata"""
    if not SHARED:
        return "CLADE_SHARED_DATA is not set"
    path, theirs = out(clade, "stories.gguf"), os.path.join(SHARED, "stories260K/stories260K-q8_0.gguf")
    clade("quantize", os.path.join(SHARED, "stories260K/hf"), "--type", "q8_0", "-o", path)
    mine, wanted = clade.json("inspect", path), clade.json("inspect", theirs)
    assert mine["format"] == "gguf"
    key = lambda t: (t["name"], t["dtype"], t["shape"], t["bytes"])
    assert sorted(map(key, mine["tensors"])) == sorted(map(key, wanted["tensors"]))
    with open(path, "rb") as file, open(theirs, "rb") as other:
        a, b = file.read(), other.read()
    place = {t["name"]: t for t in wanted["tensors"]}
    for t in mine["tensors"]:
        o = place[t["name"]]
        assert a[t["offset"]:t["offset"] + t["bytes"]] == b[o["offset"]:o["offset"] + o["bytes"]], t["name"]
    same = ["general.architecture", "general.file_type", "llama.vocab_size", "llama.context_length", "llama.embedding_length", "llama.block_count",
            "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv", "llama.rope.dimension_count",
            "llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base", "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
            "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.unknown_token_id",
            "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_space_prefix"]
    for name in same:
        assert mine["metadata"][name] == wanted["metadata"][name], (name, mine["metadata"][name], wanted["metadata"][name])
    assert generate(clade, path, [1], 200) == generate(clade, theirs, [1], 200)


def test_gguf_to_gguf(clade):
    """GGUF in another type keeps its metadata; blocks are not made of blocks"""
    first, half, again = out(clade, "first.gguf"), out(clade, "half.gguf"), out(clade, "again.gguf")
    clade("quantize", os.path.join(FAMILIES, "llama"), "--type", "q8_0", "-o", first)
    clade("quantize", first, "--type", "bf16", "-o", half)
    a, b = clade.json("inspect", first), clade.json("inspect", half)
    for name in ("general.file_type", "general.quantization_version"):
        a["metadata"].pop(name), b["metadata"].pop(name, None)
    assert a["metadata"] == b["metadata"]
    assert [(t["name"], t["shape"]) for t in a["tensors"]] == [(t["name"], t["shape"]) for t in b["tensors"]]
    assert {t["dtype"] for t in b["tensors"] if len(t["shape"]) > 1} == {"bf16"} and {t["dtype"] for t in b["tensors"] if len(t["shape"]) == 1} == {"f32"}
    clade("quantize", half, "--type", "q4_0", "-o", again)
    if SHARED:
        err = clade("quantize", os.path.join(SHARED, "stories260K/stories260K-q8_0.gguf"), "--type", "q4_0", "-o", out(clade, "no.gguf"), rc=3)[1]
        assert "is q8_0 already" in err
    assert not leftovers(clade)


def test_safetensors(clade):
    """a directory in f16 and bf16: all else is kept, config.json says the type, a sharded one stays sharded"""
    for kind, dtype, word in [("f16", "F16", "float16"), ("bf16", "BF16", "bfloat16")]:
        source, target = os.path.join(FAMILIES, "bert"), out(clade, kind)
        clade("quantize", source, "--type", kind, "-o", target)
        before, after = tensors(source + "/model.safetensors"), tensors(target + "/model.safetensors")
        assert list(before) == list(after)
        for name, (was, shape, _) in before.items():
            assert after[name][1] == shape and after[name][0] == (dtype if was in ("F32", "F64") else was)
        with open(source + "/config.json") as file, open(target + "/config.json") as made:
            config, new = json.load(file), json.load(made)
        assert new.pop("dtype") == word
        config.pop("dtype", None)
        assert config == new
        assert sorted(os.listdir(target)) == sorted(n for n in os.listdir(source) if n != "golden.safetensors")
        clade("check", target)
        err = clade("quantize", source, "--type", kind, "-o", target, rc=3)[1]  # it is there, and not empty
        assert "not empty" in err or "exist" in err, err
    single = out(clade, "one.safetensors")
    clade("quantize", os.path.join(FAMILIES, "gpt2/model.safetensors"), "--type", "f16", "-o", single)
    assert {t[0] for t in tensors(single).values()} <= {"F16", "U8", "BOOL"}
    assert not leftovers(clade)


def test_shards(clade):
    """shards keep their names; the index its map, with the new size"""
    os.makedirs(out(clade, "sharded"))
    for part in (1, 2):
        header = json.dumps({f"w{part}": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                             f"n{part}": {"dtype": "I64", "shape": [1], "data_offsets": [8, 16]}}).encode()
        clade.file(f"sharded/model-{part}.safetensors", struct.pack("<Q", len(header)) + header + struct.pack("<ffq", part, -0.5, part))
    names = {f"{n}{part}": f"model-{part}.safetensors" for part in (1, 2) for n in "wn"}
    clade.file("sharded/model.safetensors.index.json", json.dumps({"metadata": {"total_size": 32}, "weight_map": names}))
    clade.file("sharded/config.json", '{"model_type": "x", "eps": 1e-05}')
    clade.file("sharded/notes.txt", "kept")
    clade("quantize", out(clade, "sharded"), "--type", "bf16", "-o", out(clade, "half") + "/")
    for part in (1, 2):
        got = tensors(out(clade, f"half/model-{part}.safetensors"))
        assert got == {f"w{part}": ("BF16", [2], struct.pack("<HH", 0x3f80 if part == 1 else 0x4000, 0xbf00)), f"n{part}": ("I64", [1], struct.pack("<q", part))}
    with open(out(clade, "half/model.safetensors.index.json")) as file:
        assert json.load(file) == {"metadata": {"total_size": 24}, "weight_map": names}
    with open(out(clade, "half/config.json")) as file:
        assert json.load(file) == {"model_type": "x", "eps": 1e-05, "dtype": "bfloat16"}
    with open(out(clade, "half/notes.txt")) as file:
        assert file.read() == "kept"


def test_refused(clade):
    """usage, families without a GGUF form, options that GGUF cannot say; nothing is left behind"""
    llama, x = os.path.join(FAMILIES, "llama"), out(clade, "x.gguf")
    cases = [
        ([llama, "-o", x], 2, "must be q8_0, q4_0, f16 or bf16"), ([llama, "--type", "q8_1", "-o", x], 2, "did you mean q8_0"),
        ([llama, "--type", "q8_0"], 2, "name of what is written"), ([os.path.join(FAMILIES, "bert"), "--type", "q8_0", "-o", x], 3, "known: llama, mistral"),
        ([os.path.join(FAMILIES, "qwen2"), "--type", "q8_0", "-o", x], 3, "windowed is true"),
        ([os.path.join(FAMILIES, "gpt2-scaled"), "--type", "q8_0", "-o", x], 3, "GGUF cannot say"),
        ([llama, "--type", "q8_0", "-o", out(clade, "none/x.gguf")], 3, "No such file"),
        ([llama, "--type", "f16", "-o", out(clade, "none/x")], 3, "No such file"),
    ]
    for args, code, text in cases:
        err = clade("quantize", *args, rc=code)[1]
        assert text in err, (args, err)
    assert not os.path.exists(x) and not leftovers(clade)


def test_vocabulary(clade):
    """byte-level BPE: tokens, types, merges, pattern and special ids as llama.cpp names them"""
    model = out(clade, "gpt2")
    shutil.copytree(os.path.join(FAMILIES, "gpt2"), model)
    vocab = {chr(97 + i): i for i in range(26)} | {"ab": 26, "abc": 27}
    added = [{"id": 28, "content": "<|end|>", "special": True}, {"id": 29, "content": "word", "special": False}]
    bpe = {"type": "BPE", "vocab": vocab, "merges": ["a b", ["ab", "c"]]}
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    llama3 = {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": split}}, {"type": "ByteLevel", "use_regex": False}]}
    for pre, name in [({"type": "ByteLevel"}, "gpt-2"), (llama3, "llama-bpe")]:
        clade.file("gpt2/tokenizer.json", json.dumps({"added_tokens": added, "model": bpe, "pre_tokenizer": pre}))
        clade.file("gpt2/tokenizer_config.json", json.dumps({"eos_token": "<|end|>", "bos_token": {"content": "<|end|>"}, "chat_template": "{{ x }}", "add_bos_token": False}))
        clade("quantize", model, "--type", "q8_0", "-o", out(clade, "v.gguf"))
        meta = clade.json("inspect", out(clade, "v.gguf"))["metadata"]
        assert meta["tokenizer.ggml.model"] == "gpt2" and meta["tokenizer.ggml.pre"] == name
        assert meta["tokenizer.ggml.tokens"] == list(vocab) + ["<|end|>", "word"] + [f"[PAD{i}]" for i in range(30, 61)]
        assert meta["tokenizer.ggml.token_type"] == [1] * 28 + [3, 4] + [5] * 31
        assert meta["tokenizer.ggml.merges"] == ["a b", "ab c"]
        assert meta["tokenizer.ggml.eos_token_id"] == meta["tokenizer.ggml.bos_token_id"] == 28
        assert meta["tokenizer.ggml.add_bos_token"] is False and meta["tokenizer.chat_template"] == "{{ x }}"
    clade.file("gpt2/tokenizer.json", json.dumps({"model": bpe, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "use_regex": False}]}}))
    assert "gpt-2, llama-bpe or qwen2" in clade("quantize", model, "--type", "q8_0", "-o", out(clade, "w.gguf"), rc=3)[1]
    clade.file("gpt2/tokenizer.json", json.dumps({"model": {"type": "Unigram", "vocab": []}}))
    assert "no BPE" in clade("quantize", model, "--type", "q8_0", "-o", out(clade, "w.gguf"), rc=3)[1]
    os.remove(out(clade, "gpt2/tokenizer.json"))
    clade.file("gpt2/vocab.json", json.dumps(vocab))
    clade.file("gpt2/merges.txt", "#version: 0.2\na b\nab c\n")
    clade("quantize", model, "--type", "q8_0", "-o", out(clade, "v.gguf"))
    meta = clade.json("inspect", out(clade, "v.gguf"))["metadata"]
    assert meta["tokenizer.ggml.merges"] == ["a b", "ab c"]
    assert meta["tokenizer.ggml.token_type"][:28] == [3] + [1] * 27  # config.json ends texts with id 0


def test_interrupted(clade):
    """SIGINT while it writes: exit 130, and nothing is left"""
    count = 100 << 20
    header = json.dumps({"w": {"dtype": "F32", "shape": [count // 1024, 1024], "data_offsets": [0, 4 * count]}}).encode()
    source = clade.file("large.safetensors", struct.pack("<Q", len(header)) + header)
    os.truncate(source, 8 + len(header) + 4 * count)  # a hole takes no room on the disk
    process = clade.start("quantize", source, "--type", "bf16", "-o", out(clade, "half.safetensors"))
    while not leftovers(clade) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130, process.returncode
    assert not leftovers(clade) and not os.path.exists(out(clade, "half.safetensors"))


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def test_sentencepiece(clade):
    """tokenizer.model: pieces, scores and types as they are; added tokens and padding behind them"""
    model = out(clade, "llama")
    shutil.copytree(os.path.join(FAMILIES, "llama"), model)
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("x", -9.0, 5), ("▁a", -1.5, 1), ("b", -2.25, 1)]
    body = b"".join(field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + (b"\x18" + bytes([kind]) if kind != 1 else b""))
                    for text, score, kind in pieces)
    bpe = body + field(2, b"\x18\x02") + field(3, b"\x18\x00\x20\x00")
    clade.file("llama/tokenizer.model", bpe)
    clade.file("llama/tokenizer.json", json.dumps({"added_tokens": [{"id": 1, "content": "<s>", "special": True}, {"id": 6, "content": "<new>", "special": False}]}))
    clade("quantize", model, "--type", "q4_0", "-o", out(clade, "v.gguf"))
    meta = clade.json("inspect", out(clade, "v.gguf"))["metadata"]
    assert meta["tokenizer.ggml.tokens"] == [p[0] for p in pieces] + ["<new>"] + [f"[PAD{i}]" for i in range(7, 61)]
    assert meta["tokenizer.ggml.scores"] == [p[1] for p in pieces] + [-1000.0] + [-10000.0] * 54
    assert meta["tokenizer.ggml.token_type"] == [p[2] for p in pieces] + [4] + [5] * 54
    assert meta["tokenizer.ggml.model"] == "llama" and meta["tokenizer.ggml.add_space_prefix"] is False
    assert meta["tokenizer.ggml.remove_extra_whitespaces"] is False
    for data, text in [(body + field(2, b"\x18\x01"), "no BPE"), (b"", "must be a message with pieces"), (bpe[:7], "must be a message"), (b"\xff" * 30, "must be a message")]:
        clade.file("llama/tokenizer.model", data)
        assert text in clade("quantize", model, "--type", "q4_0", "-o", out(clade, "w.gguf"), rc=3)[1]
    assert not os.path.exists(out(clade, "w.gguf")) and not leftovers(clade)


TESTS = [test_llama_cpp_ids, test_gguf_bytes, test_stories, test_gguf_to_gguf, test_safetensors, test_shards, test_refused, test_interrupted, test_vocabulary, test_sentencepiece]
if __name__ == "__main__":
    sys.exit(main(TESTS, PROGRAM, "test_quantize"))
