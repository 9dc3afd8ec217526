#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clade embed, perplexity and the blocks of check, against the same sums done here. Usage: test_scores.py PROGRAM SOURCE"""
import json
import math
import os
import random
import sys

from program import close_to, f32, main, read_npy, safetensors

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
WORDS = {f"w{i}": i for i in range(17)}
TOKENIZER = {"model": {"type": "WordLevel", "vocab": WORDS, "unk_token": "w0"}, "pre_tokenizer": {"type": "WhitespaceSplit"}}
SPECIAL = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "w1", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
           {"SpecialToken": {"id": "w2", "type_id": 0}}], "pair": [], "special_tokens": {w: {"id": w, "ids": [WORDS[w]], "tokens": [w]} for w in ("w1", "w2")}}
ENCODER = """clade 1
model "encoder"
include "lib/attention.graph"
dim B : session
dim T : run
meta "context" = 9
weight table : f32[17, 8]
weight wq, wk, wv, wo : f32[8, 8]
entry encode {
  input input_ids : i32[B, T]
  input attention_mask : i32[B, T] = 1
  x = embedding(input_ids, table)
  output last_hidden_state : f32[B, T, 8] = multi_head_attention(x, x, wq, wk, wv, wo, mask = padding_mask(attention_mask), heads = 2)
}
"""


def make_weights(seed, names):
    rng = random.Random(seed)
    return {name: [[rng.gauss(0, 1) for _ in range(8)] for _ in range(17 if name in ("table", "head") else 8)] for name in names}


def make_folder(clade, name, graph, weights, tokenizer, files=()):
    os.makedirs(os.path.join(clade.folder, name, "1_Pooling"))
    for path, content in {"model.graph": graph, "model.safetensors": safetensors(weights), "tokenizer.json": json.dumps(tokenizer), **dict(files)}.items():
        clade.file(f"{name}/{path}", content)


def make_text(rng, length):
    return " ".join(f"w{rng.randrange(3, 17)}" for _ in range(length))


def nll(row, target):
    top = max(row)
    return math.log(sum(math.exp(x - top) for x in row)) + top - row[target]


def recipe(clade, model, ids, context, stride):
    """The loop of Hugging Face's page on the perplexity of models with fixed length."""
    total = count = before = 0
    for begin in range(0, len(ids), stride):
        end = min(begin + context, len(ids))
        window, fresh = ids[begin:end], end - before
        logits = clade.json("run", model, "--in", f"input_ids={json.dumps([window])}")["outputs"]["logits"]["data"][0]
        losses = [nll(logits[i - 1], window[i]) for i in range(1, len(window)) if i >= len(window) - fresh]
        if losses and fresh > 1:
            total += sum(losses) / len(losses) * (fresh - 1)
            count += fresh - 1
        before = end
        if end == len(ids):
            break
    return count, total / count


def test_perplexity(clade):
    """perplexity: windows with and without overlap, cached or not, against the recipe"""
    rng = random.Random(5)
    weights = make_weights(3, ("table", "wq", "wk", "wv", "wo", "head"))
    for name in ("cached", "whole"):
        with open(os.path.join(SOURCE, f"tests/tools/{name}.graph")) as file:
            make_folder(clade, name, file.read(), weights, TOKENIZER)
    text = make_text(rng, 61)
    clade.file("text", text)
    ids = [WORDS[word] for word in text.split()]
    for args, context, stride in (((), 24, 24), (("--stride", "7"), 24, 7), (("--context", "10", "--stride=1"), 10, 1), (("--context", "60"), 60, 60), (("--context", "61"), 61, 61)):
        count, mean = recipe(clade, "cached", ids, context, stride)
        for name in ("cached", "whole"):
            got = clade.json("perplexity", name, "text", *args)
            assert got["tokens"] == count and (got["context"], got["stride"]) == (context, stride), (got, count)
            assert abs(got["nll"] - mean) < 1e-6 * mean and abs(got["perplexity"] - math.exp(mean)) < 1e-5 * math.exp(mean), (args, got, mean)
    out = clade("perplexity", "cached", "-", text=text)[0].split()
    assert out[0] == "perplexity" and out[4:] == ["tokens", str(recipe(clade, "cached", ids, 24, 24)[0])], out


def test_perplexity_errors(clade):
    """perplexity: what cannot be computed is refused"""
    weights = make_weights(3, ("table", "wq", "wk", "wv", "wo", "head"))
    with open(os.path.join(SOURCE, "tests/tools/cached.graph")) as file:
        graph = file.read()
    make_folder(clade, "model", graph, weights, TOKENIZER)
    make_folder(clade, "endless", graph.replace('meta "context" = 24', ""), weights, TOKENIZER)
    clade.file("text", "w3 w4 w5 w6")
    clade.file("one", "w3")
    cases = [(["model", "one"], 3, "at least 2"), (["model", "text", "--stride", "25"], 2, "stride <= context"), (["model", "text", "--context", "1"], 2, "context >= 2"),
             (["endless", "text"], 2, "--context"), (["model", "absent"], 3, "No such file"), (["dates", "text"], 3, "encoder before entry decode"), (["model"], 2, "argument is missing")]
    for args, code, text in cases:
        err = clade("perplexity", *args, rc=code)[1]
        assert text in err, (args, err)


def pool(hidden, way, normalize):
    row = [sum(column) / len(hidden) for column in zip(*hidden)] if way == "mean" else hidden[0 if way == "cls" else -1]
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row] if normalize else row


def test_embed(clade):
    """embed: each pooling, batches, normalisation, sentence-transformers' files, .npy"""
    rng = random.Random(7)
    weights = make_weights(11, ("table", "wq", "wk", "wv", "wo"))
    modules = [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in
               enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")))]
    tokenizer = {**TOKENIZER, "post_processor": SPECIAL}
    make_folder(clade, "plain", ENCODER, weights, tokenizer)
    make_folder(clade, "st", ENCODER, weights, tokenizer, {"modules.json": json.dumps(modules), "1_Pooling/config.json": json.dumps(
        {"word_embedding_dimension": 8, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})}.items())
    texts = [make_text(rng, length) for length in (1, 7, 3, 3, 5, 2, 0, 7)]
    hidden = []
    for text in texts:
        ids = [1, *(WORDS[word] for word in text.split()), 2]
        hidden.append(clade.json("run", "plain", "--in", f"input_ids={json.dumps([ids])}")["outputs"]["last_hidden_state"]["data"][0])
    for model, args, way, normalize in (("plain", [], "mean", False), ("plain", ["--pool", "cls", "--normalize"], "cls", True), ("plain", ["--pool=last"], "last", False),
                                        ("st", [], "cls", True), ("st", ["--pool", "mean"], "mean", True)):
        want = [pool(rows, way, normalize) for rows in hidden]
        for batch in ("1", "3", "32"):
            lines = clade("embed", model, *args, "--batch", batch, text="\n".join(texts) + "\n")[0].splitlines()
            close_to([json.loads(line) for line in lines], want, 1e-6)
        close_to(clade.json("embed", model, *args, "--text", texts[1], "--text", texts[2], texts[3]), want[1:4], 1e-6)
    clade("embed", "plain", "--out", "v.npy", text="\n".join(texts) + "\n")
    shape, data = read_npy(os.path.join(clade.folder, "v.npy"))
    assert tuple(shape) == (8, 8)
    close_to(data, [pool(rows, "mean", False) for rows in hidden], 1e-6)
    err = clade("embed", "plain", "--text", make_text(rng, 20))[1]
    assert "22 tokens; the model takes 9" in err, err
    long = make_text(rng, 20)
    assert clade("embed", "plain", "--text", long)[0] == clade("embed", "plain", "--text", " ".join(long.split()[:7]))[0]


def test_embed_errors(clade):
    """embed: what a folder asks for and is not here is named"""
    weights = make_weights(11, ("table", "wq", "wk", "wv", "wo"))
    def folder(name, **files):
        make_folder(clade, name, ENCODER, weights, TOKENIZER, {key.replace("__", "/") + ".json": json.dumps(value) for key, value in files.items()}.items())
    folder("dense", modules=[{"path": "3_Dense", "type": "sentence_transformers.models.Dense"}])
    folder("max", **{"1_Pooling__config": {"pooling_mode_max_tokens": True}})
    folder("two", **{"1_Pooling__config": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}})
    folder("out", modules=[{"path": "../x", "type": "sentence_transformers.models.Pooling"}])
    with open(os.path.join(SOURCE, "tests/tools/cached.graph")) as file:
        make_folder(clade, "cached", file.read(), make_weights(3, ("table", "wq", "wk", "wv", "wo", "head")), TOKENIZER)
    for args, code, text in ((["dense"], 3, "models.Dense"), (["max"], 3, "pooling_mode_max_tokens"), (["two"], 3, "several"), (["out"], 3, "below the folder"),
                             (["max", "--pool", "men"], 2, "mean, cls, last"), (["cached"], 3, "last_hidden_state")):
        err = clade("embed", *args, "--text", "w3", rc=code)[1]
        assert text in err, (args, err)
    assert "argument too many" in clade("embed", "two", "w3", "--pool", "cls", rc=2)[1]
    assert clade("embed", "two", "--pool", "cls")[0] == ""


def test_blocks(clade):
    """check: parameters and bytes of each block, as a tree and as JSON"""
    report = clade.json("check", "dates")
    blocks = {(block["entry"], block["path"]): block for block in report["blocks"]}
    layer = blocks["encode", "encoder_layers.1"]
    inner = blocks["encode", "encoder_layers.1/x"]
    parts = [blocks["encode", f"encoder_layers.1/x/{name}"] for name in ("attn", "h", "ffn", "y")]
    assert layer["block"] is None and inner["block"] == "encoder_layer" and inner["depth"] == layer["depth"] + 1
    assert layer["parameters"] == inner["parameters"] == sum(part["parameters"] for part in parts) == 33472
    assert layer["nodes"] == sum(part["nodes"] for part in parts) and all(block["weights_bytes"] == 4 * block["parameters"] for block in blocks.values())
    lines = clade("check", "dates")[0].splitlines()
    row = next(line for line in lines if "encoder_layers.0 .. encoder_layers.2: 3 times" in line)
    assert row.split()[-4:] == ["16", "33472", "130.8", "KiB"], row


TESTS = [test_perplexity, test_perplexity_errors, test_embed, test_embed_errors, test_blocks]
if __name__ == "__main__":
    sys.exit(main(TESTS, PROGRAM, "test_scores"))
