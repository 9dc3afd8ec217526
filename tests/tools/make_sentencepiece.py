#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the small models in sentencepiece/ and writes sentencepiece/golden.json: what SentencePiece makes of texts, and what
transformers does where a tokenizer_config.json stands beside the model.

Usage: make_sentencepiece.py TEXT   (needs the packages sentencepiece, protobuf and transformers; TEXT: a file to train on; it was tinyshakespeare.txt, which is in the public domain)
"""
import json
import os
import random
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sentencepiece")
RULES = [("fb01", "66 69"), ("a0", "20"), ("3000", "20"), ("9", "20"), ("ad", ""), ("200b", "20"), ("2026", "2e 2e 2e"), ("65 301", "e9"), ("61 300", "e0"), ("2581", "20"),
         ("ff21", "41"), ("ff22 ff23", "42 43"), ("ff22", "42"), ("b2", "32"), ("1f600", "3a 29"), ("c4", "61 20 20 65")]
WORDS = ["the", "waterfall", "naïve café", "你好世界", "Привет", "x²", "ﬁne", "e\u0301te\u0301", "ＡＢＣ", "…", "12 345", "ÄÖ", "😀", "a\u00adb", "\u0301", "\U0010ffff", "\0"]
BITS = [" ", "  ", "\t", "\n", "\u3000", "\u00a0", "\u200b", "\u2581", "\u2581\u2581", "<s>", "</s>", "<unk>", "<0x41>", "<sep>", "<sep", "'s", "Hello", ".", ",", "<ctl>", ""]


def texts(pieces):
    rng = random.Random(7)
    out = ["", " ", "   ", "\u3000", "a", " a", "a ", " a  b ", "\n", "\0", "Hello World", "Hello Hello", "\u2581a", "a\u2581", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    for _ in range(120):
        out.append("".join(rng.choice([rng.choice(WORDS), rng.choice(BITS), rng.choice(pieces), " " + rng.choice(pieces).replace("\u2581", " "), chr(rng.choice([rng.randrange(32, 0x250), rng.randrange(0x300, 0xd800)]))])
                           for _ in range(rng.randint(1, 9))))
    return out


def train(lines, name, **options):
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(folder, "rules.tsv")
        with open(rules, "w", encoding="utf-8") as file:
            file.writelines("\t".join([*rule, "\n"]) for rule in RULES)
        if options.pop("rules", False):
            options["normalization_rule_tsv"] = rules
        else:
            options["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=os.path.join(folder, "m"), minloglevel=2, hard_vocab_limit=False, num_threads=1, **options)
        model = proto.ModelProto()
        with open(os.path.join(folder, "m.model"), "rb") as file:
            model.ParseFromString(file.read())
    for key in ["input", "model_prefix", "normalization_rule_tsv"]:  # they hold paths
        model.trainer_spec.ClearField(key) if key != "normalization_rule_tsv" else model.normalizer_spec.ClearField(key)
    return model


CONFIGS = [("llama", {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}),
           ("llama", {"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": True, "add_bos_token": False, "add_eos_token": True}),
           ("llama", {"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>", "mask_token": "<unk>", "add_bos_token": True}),
           ("t5", {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 5})]


def configured(name, config):
    from transformers import AutoTokenizer
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(HERE, name + ".model"), "rb") as file:
        model = file.read()
        for target in ["tokenizer.model", "spiece.model"]:
            with open(os.path.join(folder, target), "wb") as out:
                out.write(model)
        with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as out:
            json.dump(config, out)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        cases = texts(["<extra_id_0>", "<extra_id_4>", "<s>", "</s>", "<unk>", "th", "e"])[:70]
        return {"model": name, "config": config, "cases": [{"text": text, "ids": tokenizer.encode(text), "decoded": tokenizer.decode(tokenizer.encode(text))} for text in cases]}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = [line for line in file.read()[:60000].split("\n") if line.strip()] + WORDS[:-1] * 3
    models = {
        "unigram": train(lines, "unigram", vocab_size=260, rules=True, user_defined_symbols=["<sep>", "'s", "Hello"], control_symbols=["<ctl>"]),
        "bytes": train(lines, "bytes", vocab_size=420, byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False),
        "bpe": train(lines, "bpe", vocab_size=300, model_type="bpe", rules=True, user_defined_symbols=["<sep>", "'s", "Hello", "  "], unk_surface="?"),
        "llama": train(lines, "llama", vocab_size=500, model_type="bpe", byte_fallback=True, remove_extra_whitespaces=False, split_digits=True),
        "t5": train(lines, "t5", vocab_size=260, rules=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    }
    rng = random.Random(5)
    for name in ["unigram", "bpe"]:
        for piece in models[name].pieces:
            if piece.type == 1 and len(piece.piece) > 2 and rng.random() < 0.15:
                piece.type = 5  # unused
    golden = {"sentencepiece": sentencepiece.__version__, "models": {}}
    os.makedirs(HERE, exist_ok=True)
    for name, model in models.items():
        with open(os.path.join(HERE, name + ".model"), "wb") as file:
            file.write(model.SerializeToString())
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
        cases = texts([processor.id_to_piece(i) for i in range(processor.get_piece_size())])
        golden["models"][name] = [{"text": text, "ids": processor.encode(text), "decoded": processor.decode(processor.encode(text))} for text in cases]
    golden["configs"] = [configured(name, config) for name, config in CONFIGS]
    with open(os.path.join(HERE, "golden.json"), "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main()
