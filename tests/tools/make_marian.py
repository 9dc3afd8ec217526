#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small Marian tokenizer (source.spm, vocab.json) and what transformers' MarianTokenizer says to texts: writes marian/. Needs sentencepiece,
transformers, and no sacremoses."""
import json
import pathlib
import random
import tempfile

import sentencepiece
import transformers
from transformers import MarianTokenizer

HERE = pathlib.Path(__file__).resolve().parent / "marian"
WORDS = ("the a an one two river house green small night of on in under bread milk sea wind stone bird runs sings sleeps falls and or but not "
         "Maria Anton where when why because then slowly quickly, never. always! question? 1 20 300 ä ü é").split()
TEXTS = ["the small bird sings.", "  two   spaces ", "", "Maria, Anton and the sea!", "zebra qualm", "☃ snow ☃☃", ">>fr<< the river", ">>de<<the river",
         "a >> b << c", "a </s> b", "one\ntwo\tthree", "300 stones 20", "ÄÜÉ é", "<unk>", "greenhouse underwind", "ﬁne ① ｗｉｄｅ", "nightnight.!?",
         "the the the the the the the the", "under the green stone, slowly", "é́ 日本 the"]


def train(folder, name, words, size, seed):
    rng = random.Random(seed)
    text = folder / f"{name}.txt"
    text.write_text("\n".join(" ".join(rng.choices(words, k=rng.randint(2, 9))) for _ in range(600)))
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(folder / name), vocab_size=size, model_type="unigram",
                                             normalization_rule_name="identity", num_threads=1, minloglevel=2)
    return pieces(folder / f"{name}.model")


def pieces(path):
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def main():
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        source = train(folder, "source", WORDS, 85, 1)
        target = train(folder, "target", [word[::-1] for word in WORDS], 80, 2)
        known = [p for p in dict.fromkeys(source + target) if p not in ("<s>", "</s>", "<unk>")]
        missing = [p for p in source if len(p) > 2 and p in known][::9]  # pieces that the vocabulary lacks
        known = [p for p in known if p not in missing]
        random.Random(3).shuffle(known)
        vocab = {p: i for i, p in enumerate(["</s>", "<unk>"] + known + [">>fr<<", ">>de<<", "<pad>"])}
        (HERE / "source.spm").write_bytes((folder / "source.model").read_bytes())
        (HERE / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
        tokenizer = MarianTokenizer(str(folder / "source.model"), str(folder / "target.model"), str(HERE / "vocab.json"))
        rng = random.Random(4)
        texts = TEXTS + ["".join(rng.choice("abcdefghijkmnoprstuvwyzäéü ,.!?0123☃") for _ in range(rng.randint(1, 60))) for _ in range(150)]
        texts += [" ".join(rng.choices(WORDS, k=rng.randint(1, 20))) for _ in range(50)]
        rows = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts]
        for _ in range(60):
            ids = [rng.randrange(2, len(vocab) - 3) for _ in range(rng.randint(1, 12))]
            rows.append({"decode": ids, "text": tokenizer.decode(ids, skip_special_tokens=True)})
    print(len(vocab), "tokens,", len(missing), "missing pieces,", len(rows), "rows")
    (HERE / "golden.json").write_text(json.dumps({"transformers": transformers.__version__, "sentencepiece": sentencepiece.__version__,
                                                  "rows": rows}, ensure_ascii=False, indent=0) + "\n")


main()
