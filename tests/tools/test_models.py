#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Models as their users have them: families found by their metadata, tokenizers by their files, chats by their template.
Usage: test_models.py PROGRAM SOURCE"""
import json
import os
import random
import shutil
import struct
import sys

from program import close_to, flat, main, npy, safetensors

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FAMILIES = os.path.join(SOURCE, "tests/families")
SHARED = os.environ.get("CLADE_SHARED_DATA", "")
CODES = {"F32": ("f", "f4"), "F64": ("d", "f8"), "I32": ("i", "i4")}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + at for at in entry["data_offsets"])
            values = struct.unpack(f"<{(end - begin) // struct.calcsize(CODES[entry['dtype']][0])}{CODES[entry['dtype']][0]}", data[begin:end])
            for length in entry["shape"][:0:-1]:
                values = [list(values[i:i + length]) for i in range(0, len(values), length)]
            tensors[name] = (entry["dtype"], list(values))
    return tensors


def gguf(metadata):
    """A GGUF file of metadata only."""
    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def item(value):
        if isinstance(value, bool):
            return struct.pack("<I?", 7, value)
        if isinstance(value, str):
            return struct.pack("<I", 8) + text(value)
        if isinstance(value, list):
            kind = item(value[0])[:4]
            return struct.pack("<I", 9) + kind + struct.pack("<Q", len(value)) + b"".join(item(part)[4:] for part in value)
        return struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata)) + b"".join(text(key) + item(value) for key, value in metadata.items())


def test_families(clade):
    """run: every built-in family from its Hugging Face folder, by the names of CLI.md, against float64"""
    count = 0
    for folder in sorted(os.listdir(FAMILIES)):
        golden = os.path.join(FAMILIES, folder, "golden.safetensors")
        if "-" in folder or not os.path.exists(golden):
            continue
        tensors, arguments = read_safetensors(golden), []
        for name, (dtype, values) in tensors.items():
            if name.startswith("in."):
                clade.file(f"{name}.npy", npy(values, CODES[dtype][1]))
                arguments += ["--in", f"{name[3:]}={name}.npy"]
        outputs = clade.json("run", os.path.join(FAMILIES, folder), *arguments)["outputs"]
        want = {name[4:]: values for name, (_, values) in tensors.items() if name.startswith("out.")}
        assert want and set(want) <= set(outputs), (folder, list(outputs))
        for name, values in want.items():
            pairs = [(a, b) for a, b in zip(flat(outputs[name]["data"]), flat(values), strict=True) if b == b]
            close_to([a for a, _ in pairs], [b for _, b in pairs], 1e-4)
        assert clade.json("check", os.path.join(FAMILIES, folder))["family"] == folder
        count += 1
    assert count >= 18, count


def test_greedy(clade):
    """generate: 64 greedy ids of every family that generates, as transformers finds them in float64"""
    count = 0
    for folder in sorted(os.listdir(FAMILIES)):
        golden = os.path.join(FAMILIES, folder, "golden.safetensors")
        tensors = read_safetensors(golden) if "-" not in folder and os.path.exists(golden) else {}
        if "greedy.ids" not in tensors:
            continue
        prompt = flat(tensors.get("greedy.source", tensors["greedy.prompt"])[1])
        got = clade("generate", os.path.join(FAMILIES, folder), "--ids", ",".join(map(str, prompt)), "--print-ids", "-n", "64", "--ignore-eos")[0].split()
        assert [int(word) for word in got] == flat(tensors["greedy.ids"][1]), folder
        count += 1
    assert count >= 14, count


def test_family_errors(clade):
    """a family that is not there: the nearest, and all; GGUF's names; --graph goes before"""
    for folder, config in (("near", {"model_type": "lama"}), ("far", {"model_type": "mamba2"}), ("none", {"hidden_size": 3})):
        os.mkdir(os.path.join(clade.folder, folder))
        clade.file(f"{folder}/config.json", json.dumps(config))
    err = clade("check", "near", rc=3)[1]
    assert 'family "lama"; did you mean llama; known: ' in err and "gpt_neox" in err and "bert" in err and err.startswith("clade: error: near: "), err
    clade.file("text", "a b")
    assert "perplexity needs a decoder" in clade("perplexity", os.path.join(FAMILIES, "bert-mlm"), "text", rc=3)[1]
    assert "perplexity needs a decoder" in clade("perplexity", os.path.join(FAMILIES, "t5"), "text", rc=3)[1]
    assert 'family "mamba2"; known: ' in clade("check", "far", rc=3)[1]
    assert "model_type (config.json) or general.architecture (GGUF) is missing" in clade("check", "none", rc=3)[1]
    for name, metadata, graph in (("neox", {"general.architecture": "gptneox"}, "models/gpt_neox.graph:"), ("mixtral", {"general.architecture": "llama", "llama.expert_count": 8}, "models/mixtral.graph:"),
                                  ("llama", {"general.architecture": "llama", "llama.expert_count": 0}, "models/llama.graph:"), ("other", {"general.architecture": "rwkv7"}, "other.gguf: no built-in graph"),
                                  ("vit", {"general.architecture": "vit"}, "vit: the built-in graph of this family has no source for gguf files")):
        clade.file(f"{name}.gguf", gguf(metadata))
        err = clade("check", f"{name}.gguf", rc=3)[1]
        assert graph in err, (name, err)
    clade.file("own.graph", 'clade 1\nmodel "own"\ndim T : run\nentry main {\n  input x : f32[T]\n  output y : f32[T] = relu(x)\n}\n')
    assert clade.json("check", "far", "--graph", "own.graph")["model"] == "own"
    assert clade.json("run", "far", "--graph", "own.graph", "--in", "x=[-1, 2]")["outputs"]["y"]["data"] == [0.0, 2.0]


def copy_family(clade, family, **files):
    shutil.copytree(os.path.join(FAMILIES, family), os.path.join(clade.folder, family), dirs_exist_ok=True)
    for name, content in files.items():
        clade.file(f"{family}/{name.replace('__', '.')}", content if isinstance(content, str) else json.dumps(content))
    return family


def test_sentences(clade):
    """embed: a tiny BERT with vocab.txt, in each way, against transformers in float64"""
    with open(os.path.join(SOURCE, "tests/tools/embed_golden.json")) as file:
        golden = json.load(file)
    copy_family(clade, "bert", vocab__txt="\n".join(golden["vocab"]) + "\n", tokenizer_config__json={"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    texts = [row["text"] for row in golden["rows"]]
    for row in golden["rows"]:
        if len(row["ids"]) < 17:
            assert clade.json("tokenize", "bert", "--text", row["text"])["ids"] == row["ids"], row
    for way in ("mean", "cls", "last"):
        got = [json.loads(line) for line in clade("embed", "bert", "--pool", way, "--batch", "3", text="\n".join(texts) + "\n")[0].splitlines()]
        close_to(got, [row[way] for row in golden["rows"]], 2e-5)


def test_decoder_vectors(clade):
    """embed: a decoder is taken without its head, from its Hugging Face folder; the last token is its text"""
    words = {"model": {"type": "WordLevel", "vocab": {f"w{i}": i for i in range(61)}, "unk_token": "w0"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    for family in ("llama", "gpt2"):
        copy_family(clade, family, tokenizer__json=words)
        base = {"llama": "LlamaModel", "gpt2": "GPT2Model"}[family]
        for texts in (["w5 w6 w7"], ["w9", "w1 w2 w3 w4", "w8 w8"]):
            got = [json.loads(line) for line in clade("embed", family, "--pool", "last", text="\n".join(texts) + "\n")[0].splitlines()]
            for text, vector in zip(texts, got, strict=True):
                ids = [[int(word[1:]) for word in text.split()]]
                hidden = clade.json("run", family, "--set", f"architecture={base}", "--in", f"input_ids={json.dumps(ids)}")["outputs"]["last_hidden_state"]["data"]
                close_to(vector, hidden[0][-1], 1e-6)


def test_tokenizer_files(clade):
    """which files make a tokenizer: tokenizer.json, tokenizer.model, spiece.model, vocab.json with merges.txt, vocab.txt, GGUF's arrays"""
    word_level = {"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    ids = lambda *args: clade("tokenize", *args)[0].split()
    copy_family(clade, "gpt2", vocab__json={"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}, merges__txt="#version: 0.2\na b\n", vocab__txt="[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n")
    assert ids("gpt2", "--text", "abba") == ["2", "1", "0"]
    os.unlink(os.path.join(clade.folder, "gpt2/merges.txt"))
    assert ids("gpt2", "--text", "a b") == ["2", "5", "6", "3"]
    clade.file("gpt2/tokenizer.model", b"not a model")
    assert "tokenizer.model" in clade("tokenize", "gpt2", "--text", "a", rc=3)[1]
    clade.file("gpt2/tokenizer.json", json.dumps(word_level))
    assert ids("gpt2", "--text", "a b b") == ["0", "1", "1"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", "a", "b", "\u2581a", "ab"]
    metadata = {"general.architecture": "llama", "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": [0.0] * 259 + [-1.0, -2.0, -3.0, -4.0, -5.0],
                "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * 5, "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
                "tokenizer.ggml.add_bos_token": True}
    clade.file("spm.gguf", gguf(metadata))
    assert ids("spm.gguf", "--text", "ab") == ["1", "262", "261"]
    assert ids("spm.gguf", "--text", "ab", "--no-special") == ids("spm.gguf", "--text", "ab")[1:]
    clade.file("short.gguf", gguf({**metadata, "tokenizer.ggml.scores": [0.0]}))
    assert "has 1 elements, but there are 264 tokens" in clade("tokenize", "short.gguf", "--text", "a", rc=3)[1]
    clade.file("gpt2/model.safetensors", b"broken")
    assert ids("gpt2", "--text", "b") == ["1"]
    trained = os.path.join(SOURCE, "tests/tools/sentencepiece")
    with open(os.path.join(trained, "golden.json")) as golden, open(os.path.join(trained, "t5.model"), "rb") as model:
        t5 = next(entry for entry in json.load(golden)["configs"] if entry["model"] == "t5")
        os.mkdir(os.path.join(clade.folder, "t5"))
        clade.file("t5/spiece.model", model.read())
    clade.file("t5/tokenizer_config.json", json.dumps(t5["config"]))
    assert ids("t5", "--text", "Hello World") == [str(i) for case in t5["cases"] if case["text"] == "Hello World" for i in case["ids"]]
    clade.file("t5/tokenizer.model", b"not a model")
    assert "tokenizer.model" in clade("tokenize", "t5", "--text", "a", rc=3)[1]
    os.mkdir(os.path.join(clade.folder, "files"))
    clade.file("files/config.json", '{"model_type": "mamba"}')
    clade.file("files/a.gguf", gguf(metadata))
    assert ids("files", "--text", "ab") == ["1", "262", "261"] and "models/llama.graph:" in clade("check", "files", rc=3)[1]
    clade.file("files/b.gguf", gguf(metadata))
    assert "holds 2 .gguf files; name one of them" in clade("check", "files", rc=2)[1]
    clade.file("bare.gguf", gguf({"general.architecture": "llama"}))
    assert "has no tokenizer" in clade("tokenize", "bare.gguf", "--text", "a", rc=3)[1]


def chat_model(clade, name, config, **files):
    rng = random.Random(3)
    with open(os.path.join(SOURCE, "tests/tools/cached.graph")) as file:
        graph = file.read()
    weights = {key: [[rng.gauss(0, 1) for _ in range(8)] for _ in range(17 if key in ("table", "head") else 8)] for key in ("table", "wq", "wk", "wv", "wo", "head")}
    special = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "w1", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"w1": {"id": "w1", "ids": [1], "tokens": ["w1"]}}}
    tokenizer = {"model": {"type": "WordLevel", "vocab": {f"w{i}": i for i in range(17)}, "unk_token": "w0"}, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": special}
    os.mkdir(os.path.join(clade.folder, name))
    for path, content in {"model.graph": graph, "model.safetensors": safetensors(weights), "tokenizer.json": tokenizer, "tokenizer_config.json": config, **{key.replace("__", "."): value for key, value in files.items()}}.items():
        if content is not None:
            clade.file(f"{name}/{path}", json.dumps(content) if isinstance(content, dict) else content)


def test_chat(clade):
    """generate --chat: the template of tokenizer_config.json or chat_template.jinja, system and other messages"""
    template = "{{ bos_token }} {% for m in messages %}{{ {'system': 'w3', 'user': 'w4', 'assistant': 'w5'}[m.role] }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}w6{% endif %}"
    chat_model(clade, "plain", {"bos_token": "w1", "chat_template": template})
    chat_model(clade, "several", {"bos_token": {"content": "w1"}, "chat_template": [{"name": "rag", "template": "w9"}, {"name": "default", "template": template}]})
    chat_model(clade, "jinja", {"bos_token": "w1", "chat_template": "w9"}, chat_template__jinja=template + "\n")
    chat_model(clade, "none", {"bos_token": "w1"})
    chat_model(clade, "wrong", {"chat_template": "w1\n{% include 'x' %}"})
    chat_model(clade, "strict", {"chat_template": "{{ raise_exception('only tools here') }}"})
    new = ["-n", "5", "--ignore-eos"]
    expect = lambda ids: clade("generate", "plain", "--ids", ids, *new)[0]
    clade.file("talk.json", json.dumps([{"role": "user", "content": "w7"}, {"role": "assistant", "content": "w8 w9"}, {"role": "user", "content": "w10"}]))
    clade.file("more.json", json.dumps({"messages": [{"role": "user", "content": "w7"}], "bos_token": "w2", "add_generation_prompt": False}))
    for name in ("plain", "several", "jinja"):
        assert clade("generate", name, "--chat", "--prompt", "w7 w8", *new)[0] == expect("1,4,7,8,6")
        assert clade("generate", name, "--system", "w9", "--prompt", "w7", *new)[0] == expect("1,3,9,4,7,6")
        assert clade("generate", name, "--messages", "talk.json", *new)[0] == expect("1,4,7,5,8,9,4,10,6")
        assert clade("generate", name, "--messages", "more.json", "--system", "w11", *new)[0] == expect("2,3,11,4,7")
        assert clade("generate", name, "--chat", "--lines", "-", *new, text="w7\nw8\n")[0] == expect("1,4,7,6") + expect("1,4,8,6")
    assert clade("generate", "plain", "--prompt", "w7 w8", *new)[0] == expect("1,7,8")
    chat_model(clade, "dated", {"chat_template": "w{{ strftime_now('%-d') }} {{ messages[0].content }}"})
    assert clade("generate", "dated", "--chat", "--date", "2026-01-05", "--prompt", "w7", *new)[0] == expect("5,7")
    bad = clade.file("bad.json", '[{"content": "x"}]')
    for args, code, text in ((["none", "--chat", "--prompt", "w7"], 3, "has no chat template"), (["wrong", "--chat", "--prompt", "w7"], 3, "chat_template:2:4: the statement `include` is not supported"),
                             (["strict", "--chat", "--prompt", "w7"], 3, "the template refuses this: only tools here"), (["plain", "--chat", "--ids", "1"], 2, "exactly as given"), (["dated", "--chat", "--prompt", "w7"], 3, "(--date)"), (["dated", "--chat", "--date", "today", "--prompt", "w7"], 3, "2026-01-31"),
                             (["plain", "--messages", "talk.json", "--prompt", "w7"], 2, "only one of"), (["plain", "--messages", bad], 3, '"role"')):
        err = clade("generate", *args, rc=code)[1]
        assert text in err, (args, err)


def test_special_tokens(clade):
    """generate: the end and the start that only tokenizer_config.json names"""
    config = {"chat_template": "w1"}
    chat_model(clade, "silent", config)
    ids = clade("generate", "silent", "--prompt", "w7", "--print-ids", "--ignore-eos", "-n", "9")[0].split()
    end = next(i for i in range(1, 9) if ids[i] not in ids[:i])  # a later token, met for the first time
    for name in ("silent", "by_config", "by_map"):
        files = {"by_config": {}, "by_map": {"special_tokens_map__json": {"eos_token": f"w{ids[end]}", "bos_token": "w7"}}}.get(name, {})
        if name != "silent":
            chat_model(clade, name, config if files else {"eos_token": {"content": f"w{ids[end]}"}, "bos_token": "w7"}, **files)
        graph = os.path.join(clade.folder, name, "model.graph")
        with open(graph) as file:
            text = file.read()
        with open(graph, "w") as file:
            file.write(text.replace('meta "eos_token_id" = 3', "").replace('meta "bos_token_id" = 1', ""))
        got = clade("generate", name, "--prompt", "w7", "--print-ids", "-n", "9")[0].split()
        assert got == (ids if name == "silent" else ids[:end]), (name, got, ids)


def test_stories(clade):
    """stories260K from its folder and its GGUF files: text as recorded, perplexity as transformers gives it"""
    folder = os.path.join(SHARED, "stories260K")
    if not SHARED or not os.path.isdir(folder):
        return "CLADE_SHARED_DATA is not set"
    for name, record in (("hf", "expected.json"), ("stories260K-f32.gguf", "expected.json"), ("stories260K-q8_0.gguf", "expected-q8_0.json")):
        with open(os.path.join(folder, record)) as file:
            expected = json.load(file)
        text = clade("generate", os.path.join(folder, name), "--prompt", expected["prompt"], "-n", str(expected["steps"]), "--ignore-eos")[0]
        assert expected["text"].startswith(text[:-1]) and len(text) > 400, (name, text)
    with open(os.path.join(SHARED, "text/tinystories-197k.txt")) as file:
        clade.file("head.txt", file.read(3000))
    # of the recipe in bench/perplexity.py, transformers 5.23.0 in float64
    for context, stride, tokens, mean in ((512, 512, 1465, 1.4848127245496157), (128, 128, 1456, 1.596661234131226), (100, 60, 1444, 1.510483749025086)):
        for name in ("hf", "stories260K-f32.gguf"):
            got = clade.json("perplexity", os.path.join(folder, name), "head.txt", "--context", str(context), "--stride", str(stride))
            assert got["tokens"] == tokens and abs(got["nll"] / mean - 1) < 1e-6, (name, got, mean)
    return None


TESTS = [test_families, test_greedy, test_family_errors, test_sentences, test_decoder_vectors, test_tokenizer_files, test_chat, test_special_tokens, test_stories]
if __name__ == "__main__":
    names = sys.argv[3:]
    sys.exit(main([test for test in TESTS if not names or test.__name__ in names], PROGRAM, "test_models"))
