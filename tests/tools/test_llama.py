#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ids that llama.cpp gave, written down in llama_golden.json: what GGUF's tokenizers must give for the same texts.

Usage: test_llama.py TEXT_IDS [--write]
TEXT_IDS is the program built from text_ids.c. --write asks llama.cpp and writes the file: it needs a Python with the package
gguf, and another with llama-cpp-python in CLADE_LLAMA_PYTHON. test_oracle.py asks for many more, of larger vocabularies.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from llama_vocabularies import NORMAL, UNUSED, USER_DEFINED, byte_level, from_sentencepiece, replaced, without, word_piece, write_gguf

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "llama_golden.json")
WORDS = ["the", "waterfall", "naïve café", "NAÏVE", "你好", "Привет", "x²", "ﬁne", "e\u0301te\u0301", "ＡＢＣ", "…", "12 345", "ÄÖ", "😀", "a\u00adb", "\u0301", "\U0010ffff", "\0"]
BITS = [" ", "  ", "\t", "\n", "\u3000", "\u00a0", "\u2581", "\u2581", "\u2581\u2581", "\u2581 ", "[MASK]", "<s>", "</s>", "<unk>", "<0x41>", "<sep>", "<sep", "<se\u0301", "He\u0301", "'s", "Hello", ".",
        ",", "##a", "\u2581the", "é", "è", "│", "└"]

NEWEST = ["\U0001fabe", "\U00010d4a", "\U00010d69", "\U00010d40", "\u1b4e", "\U00010d8e"]  # of Unicode 16, which llama.cpp does not know
OVERLAPS = ["abc", "bcde", "<|endoftext|>", "\n\n", "  ", "    ", "e w", " wa", "<mask>"]  # the longer first, then the smaller id; with the space behind


def vocabularies():
    unigram, plain, bpe = (from_sentencepiece(os.path.join(HERE, "sentencepiece", name + ".model")) for name in ["unigram", "t5", "llama"])
    pieces = [piece for piece in unigram["tokens"] + bpe["tokens"] if not piece.startswith("<")]
    odd = {"_40": ("é", USER_DEFINED), "_41": ("│x", USER_DEFINED), "_42": ("of\u2581", USER_DEFINED), "_43": ("\u2581\u2581", USER_DEFINED), "_44": ("th", UNUSED)}
    return {
        "unigram": unigram,  # with rules, user-defined and unused pieces
        "unigram-many-spaces": {**unigram, "remove_extra_spaces": 0},
        "unigram-no-prefix": {**unigram, "add_space_prefix": 0},
        "unigram-no-switches": without(plain, "add_space_prefix", "remove_extra_spaces"),
        "unigram-no-rules": without({**plain, "eos": 1, "add_eos": 1}, "charsmap"),
        "unigram-torn": replaced(unigram, **odd),
        "bpe": bpe,
        "bpe-user": replaced({**bpe, "bos": 1, "add_bos": 1, "add_space_prefix": 0}, _400=("\u2581\u2581", USER_DEFINED), _401=("th", UNUSED), _402=("the\u2581", USER_DEFINED)),
        "bpe-overlaps": {**replaced(bpe, **{"_%d" % (400 + i): (text, USER_DEFINED) for i, text in enumerate(OVERLAPS)}), "strip_right": 1},
        **{"byte-level-" + pre: byte_level(pre, [before + c for c in NEWEST for before in " a."] + [" a", "a1", "12", "1234", "..."])
           for pre in ["gpt-2", "llama-bpe", "qwen2", "deepseek-v3", "gpt-4o", "falcon"]},
        "word-piece": word_piece(pieces),
        "word-piece-cased": word_piece(pieces, keep_case=1, keep_accents=1),
        "word-piece-starts": word_piece(pieces + ["\u2581", "\u2581\u2581", "a\u2581b", "##a", "\u2581the\u2581", "\u2581\u2581x"]),
    }


def texts():
    rng = random.Random(11)
    out = ["", " ", "   ", "a", " a  b ", "\n", "\0", "\u2581", "\u2581a", "a\u2581", "a\u2581the", "x\u2581ing", "<e\u0301", "<se\u0301", "He\u0301", "a \u2581", "\u2581the\u2581of", "abcde", "abcdebcde", "the waterfall", "\n\n\n  \n     \n",
           "".join("%s %sa%s.%s1%s" % (c, c, c, c, c) for c in NEWEST), "a <mask> \tb<|endoftext|>  c"]
    for _ in range(90):
        out.append("".join(rng.choice([rng.choice(WORDS), rng.choice(BITS), rng.choice(BITS), rng.choice("aeiou thorns"),
                                       chr(rng.choice([rng.randrange(32, 0x250), rng.randrange(0x300, 0xd800)]))]) for _ in range(rng.randint(1, 9))))
    return out


def ids_of(program, arrays, given):
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(arrays, file)
        file.flush()
        done = subprocess.run([program, "arrays", file.name], input=b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in given),
                              capture_output=True, timeout=60)
    if done.returncode != 0:
        raise SystemExit("FAILED: " + done.stderr.decode())
    answers, at = [], 0
    for _ in given:
        count, = struct.unpack_from("<I", done.stdout, at)
        answers.append(list(struct.unpack_from("<%di" % count, done.stdout, at + 4)))
        at += 4 + 4 * count
        at += 4 + struct.unpack_from("<I", done.stdout, at)[0]  # the text that they decode to
    return answers


def write():
    golden = {"texts": texts(), "ids": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, arrays in vocabularies().items():
            path = os.path.join(folder, name + ".gguf")
            write_gguf(path, arrays)
            done = subprocess.run([os.environ["CLADE_LLAMA_PYTHON"], os.path.join(HERE, "llama_ids.py"), path], input=json.dumps(golden["texts"]).encode(),
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=True)
            golden["ids"][name] = json.loads(done.stdout)
    with open(GOLDEN, "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


def main():
    if "--write" in sys.argv:
        write()
    with open(GOLDEN, encoding="utf-8") as file:
        golden = json.load(file)
    wrong, made = 0, vocabularies()
    for name, expected in golden["ids"].items():
        differ = [(t, i, e) for t, i, e in zip(golden["texts"], ids_of(sys.argv[1], made.pop(name), golden["texts"]), expected, strict=True) if i != e]
        print("%-23s %d texts, %d differ" % (name, len(expected), len(differ)))
        for difference in differ[:3]:
            print("  %r: %s, expected %s" % difference)
        wrong += len(differ)
    if made:
        raise SystemExit("FAILED: no ids are written down for %s" % ", ".join(made))
    sys.exit(1 if wrong else 0)


main()
