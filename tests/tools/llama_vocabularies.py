# SPDX-License-Identifier: MIT
"""Vocabularies as GGUF files hold them, for tests that compare ids with llama.cpp's: dicts with the members of struct
clade_tokenizer_data (clade/text.h), which text_ids reads as JSON. The package gguf is needed to read and write such files only."""
import base64
import json
import struct

KEYS = {"model": "model", "pre": "pre", "tokens": "tokens", "scores": "scores", "types": "token_type", "merges": "merges", "bos": "bos_token_id",
        "eos": "eos_token_id", "unknown": "unknown_token_id", "separator": "seperator_token_id", "padding": "padding_token_id",
        "cls": "cls_token_id", "mask": "mask_token_id", "add_bos": "add_bos_token", "add_eos": "add_eos_token", "add_space_prefix": "add_space_prefix",
        "remove_extra_spaces": "remove_extra_whitespaces", "charsmap": "precompiled_charsmap"}
FLAGS = ["add_bos", "add_eos", "add_space_prefix", "remove_extra_spaces"]
OPPOSITES = {"keep_case": "normalizer.lowercase", "keep_accents": "normalizer.strip_accents"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5


def read_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    values = {name: fields["tokenizer.ggml." + key].contents() for name, key in KEYS.items() if "tokenizer.ggml." + key in fields}
    return {name: int(value) if isinstance(value, bool) else value for name, value in values.items()}


def write_gguf(path, arrays):
    from gguf import GGUFWriter
    writer = GGUFWriter(path, arrays["model"])
    if arrays.get("strip_right"):  # llama.cpp goes by the name
        writer.add_name("Phi-3")
    for name, key in KEYS.items():
        if name not in arrays:
            continue
        value, key = arrays[name], "tokenizer.ggml." + key
        if name == "charsmap":
            value = bytes(value)
        if name in FLAGS:
            writer.add_bool(key, bool(value))
        elif isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_array(key, value)
    for name, key in OPPOSITES.items():
        if name in arrays:
            writer.add_bool("tokenizer.ggml." + key, not arrays[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def fields_of(message):
    """(number, value) of each field of a protobuf message; those of fixed length as bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value
    while at < len(message):
        tag = varint()
        length = {0: 0, 1: 8, 2: -1, 5: 4}[tag & 7]
        if length == 0:
            yield tag >> 3, varint()
            continue
        length = varint() if length < 0 else length
        yield tag >> 3, message[at:at + length]
        at += length


def from_sentencepiece(path):
    """tokenizer.model as GGUF has it. Unigram is called t5 there, BPE llama."""
    with open(path, "rb") as file:
        fields = list(fields_of(file.read()))
    pieces = [{1: b"", 2: struct.pack("<f", 0), 3: NORMAL, **dict(fields_of(value))} for number, value in fields if number == 1]
    trainer, rules = (dict(fields_of(b"".join(value for number, value in fields if number == which))) for which in (2, 3))
    types = [piece[3] for piece in pieces]
    arrays = {"model": "llama" if trainer.get(3) == 2 else "t5", "tokens": [piece[1].decode() for piece in pieces], "types": types,
              "scores": [struct.unpack("<f", piece[2])[0] for piece in pieces], "unknown": types.index(UNKNOWN), "add_bos": 0, "add_eos": 0,
              "add_space_prefix": rules.get(3, 1), "remove_extra_spaces": rules.get(4, 1)}
    return {**arrays, "charsmap": list(rules[2])} if rules.get(2) else arrays


def from_unigram_json(path):
    """T5's tokenizer.json."""
    with open(path, encoding="utf-8") as file:
        root = json.load(file)
    added, unknown = {token["id"]: token for token in root["added_tokens"]}, root["model"]["unk_id"]
    vocab, normalizer = root["model"]["vocab"], root["normalizer"]
    rules = next(part["precompiled_charsmap"] for part in normalizer.get("normalizers", [normalizer]) if part["type"] == "Precompiled")
    types = [UNKNOWN if i == unknown else NORMAL if i not in added else CONTROL if i < 3 else USER_DEFINED for i in range(len(vocab))]
    return {"model": "t5", "tokens": [text for text, _ in vocab], "scores": [float(score) for _, score in vocab], "types": types, "eos": 1, "unknown": unknown,
            "padding": 0, "add_bos": 0, "add_eos": 1, "add_space_prefix": 1, "remove_extra_spaces": 1, "charsmap": list(base64.b64decode(rules))}


def word_piece(pieces, **more):
    """BERT's of pieces that begin words with U+2581."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [piece for piece in dict.fromkeys(pieces) if piece not in tokens]
    return {"model": "bert", "tokens": tokens, "types": [CONTROL] * 5 + [NORMAL] * (len(tokens) - 5), "padding": 0, "unknown": 1, "bos": 2, "cls": 2, "separator": 3,
            "mask": 4, **more}


def byte_level(pre, words):
    """GPT-2's: every byte as a character, then the beginnings of words, each by a merge."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    tokens, merges = list(letters.values()), []
    for word in words:
        letters_of = [letters[byte] for byte in word.encode()]
        for end in range(2, len(letters_of) + 1):
            left, right = "".join(letters_of[:end - 1]), letters_of[end - 1]
            if left + right not in tokens:
                tokens.append(left + right)
                merges.append(left + " " + right)
    return {"model": "gpt2", "pre": pre, "tokens": tokens, "types": [NORMAL] * len(tokens), "merges": merges, "bos": 0, "eos": 0}


def replaced(arrays, **tokens):
    """With other texts (and types) of some tokens: _7=("ab", NORMAL)."""
    changed = {**arrays, "tokens": list(arrays["tokens"]), "types": list(arrays["types"])}
    for name, (text, kind) in tokens.items():
        at = changed["tokens"].index(text) if text in changed["tokens"] else int(name[1:])
        changed["tokens"][at], changed["types"][at] = text, kind
    return changed


def without(arrays, *names):
    return {name: value for name, value in arrays.items() if name not in names}
