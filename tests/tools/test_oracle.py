#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks Hugging Face's `tokenizers` and clade for the ids of the same texts, and for the text of the ids.

Usage: test_oracle.py TEXT_IDS [--texts N] [--only NAME] [--list]
TEXT_IDS is the program built from text_ids.c. Needs CLADE_ORACLE_PYTHON (a Python with the package tokenizers); real
tokenizers and texts come from CLADE_SHARED_DATA where that is set; CLADE_LLAMA_PYTHON may name one with llama-cpp-python, whose ids of GGUF
files are compared then. To add a tokenizer: a function in TOKENIZERS that returns a `tokenizers.Tokenizer`; those with a second way to
be read (other files) return (Tokenizer, [kind, files...]); a GGUF file: llama_cases.
"""
import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

try:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
except ImportError:  # main starts again with the Python that has it
    pass

import llama_vocabularies as llama_cpp

SHARED = os.environ.get("CLADE_SHARED_DATA", "")
FOLDER = None  # for files that a tokenizer needs
WORDS = """the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not what
all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would
make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long
down day did get come made may part don't I'll we've it's they're I'm he'd DON'T IT'S 3rd 1998 12,345.67 100% foo_bar x2 a-b http://e.org/?q=1&r=2
naïve café Straße œuvre İstanbul Привет мир Ελλάδα שלום مرحبا नमस्ते สวัสดี 你好世界 こんにちは カタカナ 한국어 ｆｕｌｌ Ⅷ ½ ② ﬁ""".split()
RANGES = [(0, 0x7f), (0x20, 0x7e), (0x80, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff), (0x5d0, 0x6ff), (0x900, 0x97f), (0xe00, 0xe7f),
          (0x1100, 0x11ff), (0x2000, 0x206f), (0x2070, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0xe000, 0xf8ff), (0xfb00, 0xffff),
          (0x10000, 0x10fff), (0x11000, 0x12fff), (0x16000, 0x1efff), (0x1f000, 0x1faff), (0x20000, 0x323af), (0xe0000, 0xe01ff), (0x10fff0, 0x10ffff), (0, 0x10ffff)]
BITS = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\r", " \n", "\u00a0", "\u3000", "\u200b", "\u200d", "\ufe0f", "\0", "'s", "'LL", "\u017f", "'\u017f", "\u2581", "...", "!?",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "e\u0301", "\u0301", "\ufffd", "<s>", "</s>", "<|endoftext|>", "<unk>", "[MASK]", "<mask>", "<0x41>", "##a", "@@", "0", "12", "1234567"]


def shared_text(name):
    with open(os.path.join(SHARED, "text", name), encoding="utf-8") as file:
        return file.read()


def random_texts(count, seed=20261121):
    """Words, characters of many scripts, white space, joiners and special tokens in any order."""
    rng = random.Random(seed)

    def character():
        low, high = rng.choice(RANGES)
        point = rng.randint(low, high)
        return chr(point) if not 0xd800 <= point <= 0xdfff else "\ud7a3"

    def part():
        kind = rng.random()
        if kind < 0.35:
            return rng.choice(WORDS) + rng.choice(["", " "])
        if kind < 0.6:
            return rng.choice(BITS)
        if kind < 0.7:
            return character() * rng.randint(1, 6)
        return "".join(character() for _ in range(rng.randint(1, 8)))
    return ["".join(part() for _ in range(rng.randint(0, 12))) for _ in range(count)]


def every_character():
    """All of Unicode, before and behind something."""
    points = [c for c in range(1, 0x110000) if not 0xd800 <= c < 0xe000]
    return ["".join("a%s\u0301 " % chr(c) for c in points[i:i + 97]) + "".join(map(chr, points[i:i + 97])) for i in range(0, len(points), 97)]


def texts_for(count):
    texts = ["", " ", "a", "\n", "\0", "a" * 5000, " " * 3000, "\n" * 1000, "ab" * 1500, "\u0301" * 300, "1" * 1000, "Hello, World! It's 12:30.\r\n\tOK?"]
    texts += random_texts(count)
    if count >= 10000:
        texts += every_character()
    if SHARED:
        folder = os.path.join(SHARED, "tokenizers", "llama.cpp")
        for name in sorted(os.listdir(folder)):
            if name.endswith(".inp"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    texts += file.read().split("\n__ggml_vocab_test__\n")
        for name in sorted(os.listdir(os.path.join(SHARED, "text"))):
            texts.append(shared_text(name)[:None if count >= 1000 else 30000])
    return texts


def ask(program, arguments, messages):
    done = subprocess.run([program, *arguments], input=b"".join(struct.pack("<I", len(m)) + m for m in messages), capture_output=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit("FAILED: %s: %s" % (" ".join(arguments), done.stderr.decode()))
    return done.stdout


def ask_clade(program, arguments, texts):
    """A list of (ids, decoded bytes)."""
    answers, at, output = [], 0, ask(program, arguments, [text.encode() for text in texts])
    for _ in texts:
        count, = struct.unpack_from("<I", output, at)
        ids = list(struct.unpack_from("<%di" % count, output, at + 4))
        at += 4 + 4 * count
        length, = struct.unpack_from("<I", output, at)
        answers.append((ids, output[at + 4:at + 4 + length]))
        at += 4 + length
    return answers


def compare_ids(name, tokenizer, program, arguments, count, seed=7):
    """Ids in any order, which cut characters anywhere, decoded one by one."""
    rng, wrong, at = random.Random(seed), 0, 0
    size = tokenizer.get_vocab_size()
    lists = [[rng.randrange(size) for _ in range(rng.randint(1, 30))] for _ in range(count)]
    output = ask(program, arguments + ["ids"], [struct.pack("<%di" % len(ids), *ids) for ids in lists])
    for ids in lists:
        length, = struct.unpack_from("<I", output, at)
        text, expected = output[at + 4:at + 4 + length].decode(), tokenizer.decode(ids, skip_special_tokens=False)
        at += 4 + length
        wrong += text != expected
        if text != expected and wrong <= 3:
            print("%s: ids %s: %r, expected %r" % (name, ids, text, expected))
    return wrong


def compare(name, tokenizer, program, arguments, texts):
    """Prints the first differences; returns how many there are."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    wrong, back, total = 0, 0, 0
    for text, expected, (ids, decoded) in zip(texts, tokenizer.encode_batch(texts), ask_clade(program, arguments, texts)):
        expected_text = tokenizer.decode(expected.ids, skip_special_tokens=False)
        back += decoded.decode() == text
        total += len(ids)
        if ids != expected.ids or decoded.decode() != expected_text:
            wrong += 1
            if wrong <= 3:
                at = next((i for i, (a, b) in enumerate(zip(ids, expected.ids)) if a != b), min(len(ids), len(expected.ids)))
                print("%s: %r" % (name, text[:300]))
                print("  ids from %d: %s, expected %s (%r)" % (at, ids[at:at + 12], expected.ids[at:at + 12], expected.tokens[at:at + 12]))
                print("  text: %r, expected %r" % (decoded.decode()[:200], expected_text[:200]))
    wrong += compare_ids(name, tokenizer, program, arguments, len(texts) // 2)
    print("%-24s %6d texts, %5d come back, %9d ids, %d differ" % (name, len(texts), back, total, wrong))
    if name in REVERSIBLE and back < len(texts):
        print("%s: decode(encode(x)) is x for every x but here" % name)
        wrong += 1
    return wrong


def compare_gguf(program, texts):
    """The vocabularies of llama.cpp's own tests: their texts and ids; and, where CLADE_LLAMA_PYTHON has the package
    llama-cpp-python, its ids of our texts, by those and others. Needs the package gguf."""
    wrong = 0
    for name in GGUF_VOCABULARIES if SHARED else []:
        path = gguf_path(name)
        arrays = os.path.join(FOLDER, name + ".arrays")
        with open(arrays, "w", encoding="utf-8") as file:
            json.dump(llama_cpp.read_gguf(path), file)
        with open(path + ".inp", encoding="utf-8", newline="") as file:
            theirs = file.read().split("\n__ggml_vocab_test__\n")
        with open(path + ".out", encoding="utf-8") as file:
            expected = [[int(word) for word in line.split()] for line in file.read().split("\n")]
        differ = [t for t, e, (ids, _) in zip(theirs, expected, ask_clade(program, ["arrays", arrays, "plain"], theirs)) if ids != e]
        print("gguf-%-19s %6d texts, %d differ %r" % (name, len(theirs), len(differ), differ[:3]))
        wrong += len(differ) + (not theirs)
    if SHARED and os.environ.get("CLADE_LLAMA_PYTHON"):
        spaces = with_spaces_written(len(texts) // 2)
        for name, arrays in llama_cases():
            path, json_path = os.path.join(FOLDER, name + ".gguf"), os.path.join(FOLDER, name + ".arrays")
            llama_cpp.write_gguf(path, arrays)
            with open(json_path, "w", encoding="utf-8") as file:
                json.dump(arrays, file)
            wrong += compare_llama(name, path, program, ["arrays", json_path], texts if name.startswith("pre-") else texts + spaces)
    return wrong


def gguf_path(name):
    return os.path.join(SHARED, "tokenizers", "llama.cpp", "ggml-vocab-%s.gguf" % name)


def with_spaces_written(count, seed=5):
    """Random texts with U+2581, which SentencePiece writes for a space, in many places."""
    rng, texts = random.Random(seed), []
    for text in random_texts(count, seed + 1):
        parts = list(text)
        for _ in range(rng.randint(1, 6)):
            parts.insert(rng.randint(0, len(parts)), rng.choice(["\u2581", "\u2581\u2581", "\u2581 ", " \u2581", "\u2581the", "a\u2581b", "\u2581##a", "x\u2581ing"]))
        texts.append("".join(parts))
    return texts


def llama_cases():
    """(name, arrays): real vocabularies, also with other switches and tokens of other types."""
    bpe, spm, bert = (llama_cpp.read_gguf(gguf_path(name)) for name in GGUF_VOCABULARIES)
    t5 = llama_cpp.from_unigram_json(os.path.join(SHARED, "tokenizers", "t5-small", "tokenizer.json"))
    user = {"_%d" % (31000 + i): (text, llama_cpp.CONTROL if "|" in text else llama_cpp.USER_DEFINED)
            for i, text in enumerate(["<|user|>", "<|end|>", "  ", "    ", "\n\n", " word ", "<|endoftext|>", "[MASK]", "\u2581\u2581"])}
    torn = {"_%d" % (20000 + i): (text, llama_cpp.USER_DEFINED) for i, text in enumerate(["é", "│x", "fi", "the y", "\U0001f468\u200d\U0001f469", "<e", "\u0301a"])}
    starts = {"_%d" % (29000 + i): (text, llama_cpp.NORMAL) for i, text in enumerate(["\u2581", "\u2581\u2581", "a\u2581b", "##a", "ing\u2581", "\u2581the\u2581of", "\u2581\u2581x"])}
    yield from (("pre-" + pre, {**bpe, "pre": pre}) for pre in LLAMA_PRES)
    yield "spm", spm
    yield "spm-phi3", {**llama_cpp.replaced(spm, **user), "strip_right": 1}
    yield "spm-gemma", {**llama_cpp.replaced(spm, **user), "add_space_prefix": 0, "add_eos": 1}
    yield "bert", bert
    yield "bert-cased", {**bert, "keep_case": 1, "keep_accents": 1}
    yield "bert-accents", {**bert, "keep_accents": 1}
    yield "bert-stripped", {**bert, "keep_case": 1, "keep_accents": 0}
    yield "bert-starts", llama_cpp.replaced(bert, **starts)
    yield "t5", t5
    yield "t5-many-spaces", {**t5, "remove_extra_spaces": 0}
    yield "t5-no-prefix", {**t5, "add_space_prefix": 0}
    yield "t5-no-rules", llama_cpp.without(t5, "charsmap")
    yield "t5-torn", llama_cpp.replaced(t5, **torn)


def compare_llama(name, path, program, arguments, texts):
    done = subprocess.run([os.environ["CLADE_LLAMA_PYTHON"], os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_ids.py"), path],
                          input=json.dumps(texts).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=1200)
    if done.returncode != 0:
        raise SystemExit("FAILED: llama_ids.py %s" % path)
    expected = json.loads(done.stdout)
    differ = [(t, ids[:8], e[:8]) for t, e, (ids, _) in zip(texts, expected, ask_clade(program, arguments, texts)) if ids != e]
    print("llama.cpp %-18s %6d texts, %d differ %r" % (name, len(texts), len(differ), differ[:3]))
    return len(differ)


GGUF_VOCABULARIES = ["gpt-2", "llama-spm", "bert-bge"]
LLAMA_PRES = ["gpt-2", "default", "llama-bpe", "qwen2", "qwen35", "smollm", "falcon", "bloom", "viking", "tekken", "gpt-4o", "deepseek-llm", "deepseek-coder", "deepseek-v3",
              "seed-coder", "bailingmoe", "chatglm-bpe", "roberta-bpe"]

# ---- tokenizers: byte-level BPE ----

REVERSIBLE = ["bpe-gpt2", "bpe-llama3", "bpe-qwen2", "bpe-o200k", "bpe-bloom", "bpe-han", "bpe-deepseek", "bpe-deepseek3", "bpe-digits", "gpt2"]
PATTERNS = {
    "gpt2": None,
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
             r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "bloom": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "han": r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\p{Han}]]+|\p{N}{1,3}+|\p{P}++|\s+|.",
    "deepseek": r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def sample_text():
    return [shared_text("tinystories-197k.txt")[:60000]] if SHARED else [" ".join(WORDS)] * 3


def byte_level(pre, size=1200, model=None, **flags):
    """A small one, trained here."""
    tokenizer = Tokenizer(models.BPE(**(model or {})))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<|endoftext|>", "<s>", "</s>"], **flags)
    tokenizer.train_from_iterator(sample_text() + WORDS * 3, trainer)
    return tokenizer


def pattern(name):
    if PATTERNS[name] is None:
        return lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    return lambda: byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))


def deepseek3():
    return byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), pre_tokenizers.Split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"),
                                               pre_tokenizers.Split(Regex(PATTERNS["deepseek"]), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]))


def digits(individual):
    return lambda: byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=individual), pre_tokenizers.Punctuation("contiguous"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def roberta():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    return tokenizer


def added():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.add_tokens([AddedToken("ING", normalized=True), AddedToken("the", single_word=True), AddedToken("[MASK]", lstrip=True, rstrip=True, normalized=False),
                          AddedToken("to ", normalized=False), AddedToken("  ", normalized=True), AddedToken(" a", rstrip=True), AddedToken("1", single_word=True, normalized=False)])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])])
    return tokenizer


def ignore_merges():
    tokenizer = pattern("llama3")()
    text = json.loads(tokenizer.to_str())
    text["model"]["ignore_merges"] = True
    size = max(text["model"]["vocab"].values())
    for i, word in enumerate(["Ġthough", "Ġwaterfall", "ĠthereĠ", "zqx"]):  # reached by no merge
        text["model"]["vocab"].setdefault(word, size + 1 + i)
    return Tokenizer.from_str(json.dumps(text))


def characters(**options):
    """Not byte-level: characters that the vocabulary lacks."""
    def make():
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        words = {k: options[k] for k in options if k in ("continuing_subword_prefix", "end_of_word_suffix")}
        tokenizer.train_from_iterator(sample_text(), trainers.BpeTrainer(vocab_size=600, show_progress=False, special_tokens=["<unk>"] + (
            ["<0x%02X>" % b for b in range(256)] if options.get("byte_fallback") else []), **words))
        text = json.loads(tokenizer.to_str())
        text["model"].update(options)
        return Tokenizer.from_str(json.dumps(text))
    return make


def gpt2_files(config=None):
    """The real GPT-2, from its vocab.json and merges.txt."""
    def make():
        if not SHARED:
            return None
        folder = os.path.join(SHARED, "tokenizers", "gpt2")
        files = [os.path.join(folder, "gpt2_vocab.json"), os.path.join(folder, "gpt2_merges.txt")]
        tokenizer = Tokenizer(models.BPE.from_file(*files))
        prefix = bool(config and config.get("add_prefix_space"))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(["<|endoftext|>"])
        if config:
            bos = config["bos_token"]
            tokenizer.post_processor = processors.TemplateProcessing(single=bos + " $A", special_tokens=[(bos, tokenizer.token_to_id(bos))])
            files.append(os.path.join(FOLDER, "gpt2_config.json"))
            with open(files[-1], "w", encoding="utf-8") as file:
                json.dump(config, file)
        return tokenizer, ["merges", *files]
    return make


TOKENIZERS = {"bpe-" + name: pattern(name) for name in PATTERNS}
TOKENIZERS.update({
    "bpe-deepseek3": deepseek3, "bpe-digits": digits(True), "bpe-digits-together": digits(False), "bpe-roberta": roberta, "bpe-added": added,
    "bpe-ignore-merges": ignore_merges, "bpe-unk": characters(), "bpe-unk-fused": characters(fuse_unk=True), "bpe-no-unk": characters(unk_token=None),
    "bpe-byte-fallback": characters(byte_fallback=True, fuse_unk=True), "bpe-suffix": characters(end_of_word_suffix="</w>"),
    "gpt2": gpt2_files(), "gpt2-bos": gpt2_files({"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "add_bos_token": True, "add_prefix_space": True}),
    "bpe-prefix": characters(continuing_subword_prefix="##"),
})


# ---- tokenizers: WordPiece, Unigram, SentencePiece as Hugging Face writes it ----


def real(*path, kind="json", oracle=None):
    """A real one from its file; the oracle may need another file of the same tokenizer."""
    def make():
        if not SHARED:
            return None
        return Tokenizer.from_file(os.path.join(SHARED, *(oracle or path))), [kind, os.path.join(SHARED, *path)]
    return make


def text_of(token):
    return token["content"] if isinstance(token, dict) else token


def bert(config):
    """vocab.txt of the real BERT with a tokenizer_config.json beside it."""
    def make():
        if not SHARED:
            return None
        vocab, settings = os.path.join(SHARED, "tokenizers", "bert-uncased", "vocab.txt"), os.path.join(FOLDER, "tokenizer_config.json")
        with open(settings, "w", encoding="utf-8") as file:
            json.dump(config, file)
        tokenizer = Tokenizer(models.WordPiece.from_file(vocab, unk_token="[UNK]"))
        lower = config.get("do_lower_case", True)
        tokenizer.normalizer = normalizers.BertNormalizer(True, config.get("tokenize_chinese_chars", True), config.get("strip_accents"), lower)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        names = [text_of(config.get(key, default)) for key, default in [("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("cls_token", "[CLS]")]] + ["[PAD]", "[MASK]"]
        tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
        sep, cls = names[1], names[2]
        tokenizer.post_processor = processors.BertProcessing((sep, tokenizer.token_to_id(sep)), (cls, tokenizer.token_to_id(cls)))
        return tokenizer, ["vocab", vocab, settings]
    return make


def word_piece(normalizer, prefix="##", longest=100, cleanup=True):
    def make():
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", continuing_subword_prefix=prefix))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer(), pre_tokenizers.BertPreTokenizer()
        tokenizer.train_from_iterator(sample_text() + WORDS * 3, trainers.WordPieceTrainer(
            vocab_size=900, show_progress=False, special_tokens=["[UNK]", "[CLS]"], continuing_subword_prefix=prefix))
        tokenizer.decoder = decoders.WordPiece(prefix, cleanup)
        text = json.loads(tokenizer.to_str())
        text["model"]["max_input_chars_per_word"] = longest
        return Tokenizer.from_str(json.dumps(text))
    return make


def unigram(pre, decoder, normalizer=None, byte_fallback=False, size=700):
    def make():
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre()
        bytes_ = ["<0x%02X>" % b for b in range(256)] if byte_fallback else []
        tokenizer.train_from_iterator(sample_text() + WORDS, trainers.UnigramTrainer(
            vocab_size=size + len(bytes_), show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + bytes_, unk_token="<unk>"))
        if normalizer:
            tokenizer.normalizer = normalizer()
        tokenizer.decoder = decoder()
        text = json.loads(tokenizer.to_str())
        text["model"]["byte_fallback"] = byte_fallback
        return Tokenizer.from_str(json.dumps(text))
    return make


def llama(pre=None, normalizer=None):
    """SentencePiece's BPE as it is converted: bytes fall back, unknowns are joined."""
    def make():
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
        tokenizer.train_from_iterator(sample_text() + WORDS, trainers.BpeTrainer(
            vocab_size=1000, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]))
        text = json.loads(tokenizer.to_str())
        text["pre_tokenizer"] = text["normalizer"] = None
        tokenizer = Tokenizer.from_str(json.dumps(text))
        if pre:
            tokenizer.pre_tokenizer = pre()
        if normalizer:
            tokenizer.normalizer = normalizer()
        tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        return tokenizer
    return make


def metaspace(scheme, split=True, replacement="\u2581"):
    return lambda: pre_tokenizers.Metaspace(replacement, scheme, split)


def metaspace_decoder(scheme, replacement="\u2581"):
    return lambda: decoders.Metaspace(replacement, scheme)


def byte_decoder():
    return decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace("\u2581", "first")])


def fused():
    return decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex("\u2581+"), " "), decoders.Strip(" ", 3, 0)])


def normalizer_alone(make_normalizer):
    """Its ids are the bytes of the normalized text."""
    def make():
        if make_normalizer() is None:
            return None
        vocabulary = [("<unk>", 0.0)] + [("<0x%02X>" % b, -1.0) for b in range(256)]
        tokenizer = Tokenizer(models.Unigram(vocabulary, 0, True))
        tokenizer.normalizer = make_normalizer()
        tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        return tokenizer
    return make


def precompiled():
    if not SHARED:
        return None
    with open(os.path.join(SHARED, "tokenizers", "t5-small", "tokenizer.json"), encoding="utf-8") as file:
        return Tokenizer.from_str(json.dumps(json.load(file))).normalizer


NORMALIZERS = {
    "nfc": lambda: normalizers.NFC(), "nfd": lambda: normalizers.NFD(), "nfkc": lambda: normalizers.NFKC(), "nfkd": lambda: normalizers.NFKD(),
    "lowercase": lambda: normalizers.Lowercase(), "strip": lambda: normalizers.Strip(), "accents": lambda: normalizers.StripAccents(),
    "nmt": lambda: normalizers.Nmt(), "bert": lambda: normalizers.BertNormalizer(), "bert-plain": lambda: normalizers.BertNormalizer(False, False, None, False),
    "bert-accents": lambda: normalizers.BertNormalizer(False, False, True, False), "bert-clean": lambda: normalizers.BertNormalizer(True, True, False, False),
    "precompiled": precompiled,
}
TOKENIZERS.update({"normalizer-" + name: normalizer_alone(make) for name, make in NORMALIZERS.items()})
TOKENIZERS.update({
    "bert": real("tokenizers", "bert-uncased", "tokenizer.json"),
    "bert-vocab": real("tokenizers", "bert-uncased", "vocab.txt", kind="vocab", oracle=("tokenizers", "bert-uncased", "tokenizer.json")),
    "bert-cased": bert({"do_lower_case": False, "tokenizer_class": "BertTokenizer"}),
    "bert-accents": bert({"strip_accents": False, "tokenize_chinese_chars": False, "cls_token": {"content": "[unused1]"}, "sep_token": "[unused2]"}),
    "bert-stripped": bert({"do_lower_case": False, "strip_accents": True}),
    "wordpiece": word_piece(lambda: normalizers.BertNormalizer()),
    "wordpiece-short": word_piece(lambda: normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]), "@@", 5, False),
    "wordpiece-empty": word_piece(lambda: normalizers.Sequence([normalizers.NFKC()]), ""),
    "t5": real("tokenizers", "t5-small", "tokenizer.json"),
    "unigram-always": unigram(metaspace("always"), metaspace_decoder("always")),
    "unigram-first": unigram(metaspace("first"), metaspace_decoder("first"), lambda: normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])),
    "unigram-never": unigram(metaspace("never", False, "_"), metaspace_decoder("never", "_"), lambda: normalizers.Sequence([normalizers.Prepend("_"), normalizers.Replace("the", "a")])),
    "unigram-bytes": unigram(metaspace("first", False), byte_decoder, byte_fallback=True),
    "unigram-fused": unigram(metaspace("always", False), fused, lambda: normalizers.Sequence([normalizers.NFKD(), normalizers.Replace(Regex("\\s|$"), " "), normalizers.Strip()])),
    "unigram-empty": unigram(metaspace("always"), fused, lambda: normalizers.Sequence([normalizers.Replace("", "a"), normalizers.Replace(Regex("b*"), "-")])),
    "llama": llama(metaspace("first", False)),
    "llama-legacy": llama(None, lambda: normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])),
    "gemma": llama(None, lambda: normalizers.Replace(" ", "\u2581")),
    "stories260K": real("stories260K", "hf", "tokenizer.json"),
})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--texts", type=int, default=10000)
    parser.add_argument("--only")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    oracle = os.environ.get("CLADE_ORACLE_PYTHON")
    if options.list:
        print("\n".join(TOKENIZERS))
        return
    if not oracle:
        print("skip: CLADE_ORACLE_PYTHON names no Python with the package tokenizers")
        sys.exit(77)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(oracle))):
        os.execv(oracle, [oracle, *sys.argv])
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    texts, wrong, asked = texts_for(options.texts), 0, 0
    global FOLDER
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        for name, make in TOKENIZERS.items():
            if options.only and options.only not in name:
                continue
            made = make()
            if made is None:
                print("skip: %s: its files are absent (CLADE_SHARED_DATA)" % name)
                continue
            tokenizer, arguments = made if isinstance(made, tuple) else (made, None)
            if arguments is None:
                path = os.path.join(folder, name + ".json")
                tokenizer.save(path)
                arguments = ["json", path]
            wrong += compare(name, tokenizer, options.program, arguments, texts)
            asked += 1
        if not options.only or options.only == "gguf":
            wrong += compare_gguf(options.program, texts)
    print("%d tokenizers, %d texts each, %d differ" % (asked, len(texts), wrong))
    sys.exit(1 if wrong or not (asked or options.only == "gguf") else 0)


main()
