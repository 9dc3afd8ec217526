#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes text_golden.json: what Hugging Face's `tokenizers` makes of small tokenizers and texts.

Usage: make_text_golden.py > text_golden.json   (needs the package tokenizers)
"""
import json
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

TEXTS = [
    "", " ", "a", "the 3rd of March, 1998", "THE  Third\tof\nmarch", "  lead and trail  ", "a,b;c", "a\u00a0b\u2003c",
    "\u0130stanbul \u00c9t\u00e9 E\u0301te\u0301", "\ufb01ne \u2460 \u00bd \uff21\uff22", "\u4f60\u597d world", "x_y-z \u24b6\u0301b",
    "caf\u00e9 na\u00efve", "<s>a</s> <s> b", "a<mask> b  <mask>c", "\u1e9e\u03a3\u03c3\u03c2", "\U0001f600 ok \U0001d400",
    "zero\u200dwidth", "\u180ea b", "Hello World!? 12.5%", "\r\n\r\n", "tab\there", "aaa bbb aab", "\x00a\x00", "\u2028x\u2029y",
]


def vocabulary():
    words = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", " ", ",", ";", "-", "_", "a", "b", "c", "ab", "aab", "bbb", "aaa", "the", "3rd", "of",
             "march", "1998", "March", "third", "lead", "and", "trail", "fine", "\u00e9t\u00e9", "caf\u00e9", "world", "ok", "i\u0307stanbul",
             "\u4f60\u597d", "x_y", "z", "x", "y", "tab", "here", "hello", "!?", "12", ".", "5", "%", "a,", ",b", "b;", "  ", "AB", "zero",
             "\u00df\u03c3\u03c3\u03c2", "\U0001f600", "w", "o", "r", "l", "d", "e", "t", "h", "1", "\n", "\t"]
    return {word: i for i, word in enumerate(words)}


def variants():
    specials = [AddedToken(t, special=True, normalized=False) for t in ["<pad>", "<s>", "</s>", "<unk>"]]

    def make(normalizer=None, pre=None, post=None, decoder=None, added=(), unk="<unk>", special=True):
        t = Tokenizer(models.WordLevel(vocabulary(), unk_token=unk))
        if normalizer:
            t.normalizer = normalizer
        if pre:
            t.pre_tokenizer = pre
        if decoder:
            t.decoder = decoder
        if special:
            t.add_special_tokens(specials)
        if added:
            t.add_tokens(list(added))
        if post:
            t.post_processor = post
        return t

    end = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
    both = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    char = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    yield "characters", make(normalizers.Sequence([normalizers.Lowercase()]), char, end, decoders.Fuse())
    yield "dot", make(normalizers.NFC(), pre_tokenizers.Split(Regex("."), "isolated"), both, decoders.Fuse())
    yield "whitespace", make(normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()]),
                             pre_tokenizers.Whitespace(), both)
    yield "whitespace split", make(normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit())
    for behavior in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        for invert in [False, True]:
            yield f"split {behavior} {invert}", make(None, pre_tokenizers.Split(Regex("[\\s,;]"), behavior, invert))
    yield "literal", make(None, pre_tokenizers.Split(",", "merged_with_previous"))
    yield "empty literal", make(None, pre_tokenizers.Split("", "isolated"))
    yield "empty matches", make(None, pre_tokenizers.Split(Regex("b*"), "isolated"))
    for pattern in ["\\w+", "\\W", "^\\s|a$", "[^\\s]+", "\\s+(?!\\S)|\\s+", "[\\S\\s]b", " ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"]:
        yield f"pattern {pattern}", make(None, pre_tokenizers.Split(Regex(pattern), "isolated"))
    yield "sequence", make(normalizers.Strip(left=True, right=False),
                           pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("[,;]"), "isolated")]))
    yield "strip right", make(normalizers.Strip(left=False, right=True), pre_tokenizers.WhitespaceSplit())
    yield "nfd", make(normalizers.NFD(), pre_tokenizers.Whitespace())
    yield "nfkd", make(normalizers.NFKD(), char)
    yield "no pre-tokenizer", make()
    yield "mask left", make(None, char, added=[AddedToken("<mask>", lstrip=True, normalized=False)])
    yield "mask right", make(None, char, added=[AddedToken("<mask>", rstrip=True, normalized=False)])
    yield "normalized added", make(normalizers.Lowercase(), char, added=[AddedToken("AAB", normalized=True), AddedToken("aa", normalized=True)])


TOKENS = ["a", "b", "aa", "ab", "ba", "aba", "aab", "baa", "\u2581a", "\u2581", "a\u2581b", "<0x41>", "<0xE4>", "<0xBD>", "<0xA0>", "<0x+F>", "<0xff>", "<0x4G>", "##a", "##",
          "'s", ".", "not", "do", "n't", ",", "b.", "\u2581\u2581"]


def decoder_variants():
    """Chains of decoders over any tokens. Strip panics on a token that it takes away whole; such cases are left out."""
    space, bytes_, fuse = lambda scheme: decoders.Metaspace("\u2581", scheme), decoders.ByteFallback(), decoders.Fuse()
    chains = {"strip": [decoders.Strip("a", 1, 1)], "strip front": [decoders.Strip("a", 2, 0)], "strip end": [decoders.Replace("\u2581", "xyz"), decoders.Strip("b", 0, 1)],
              "bytes": [bytes_], "bytes fused": [bytes_, fuse, decoders.Strip("a", 3, 0)], "fused strip": [fuse, decoders.Strip("b", 1, 1)],
              "wordpiece": [decoders.WordPiece("##", True)], "wordpiece raw": [decoders.WordPiece("##", False)], "metaspace": [space("first")], "metaspace never": [space("never")],
              "metaspace wordpiece": [space("always"), decoders.WordPiece("a", True)], "fused metaspace": [fuse, space("always"), decoders.WordPiece("b", True), decoders.Replace(Regex("a+"), "Q")],
              "replace nothing": [decoders.Replace(Regex("a|$"), "-"), decoders.Replace("", ".")]}
    for name, chain in chains.items():
        tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="a"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.decoder = decoders.Sequence(chain)
        yield "decoder " + name, tokenizer


def decoder_texts(tokenizer):
    rng = random.Random(11)
    for _ in range(24):
        text = " ".join(rng.choice(TOKENS) for _ in range(rng.randrange(1, 8)))
        try:
            tokenizer.decode(tokenizer.encode(text).ids)
        except BaseException:
            continue
        yield text


def main():
    out = []
    for name, tokenizer in [*variants(), *decoder_variants()]:
        cases = []
        for text in TEXTS if not name.startswith("decoder ") else decoder_texts(tokenizer):
            ids = tokenizer.encode(text).ids
            cases.append({"text": text, "ids": ids, "plain": tokenizer.encode(text, add_special_tokens=False).ids,
                          "decoded": tokenizer.decode(ids, skip_special_tokens=True),
                          "decoded_all": tokenizer.decode(ids, skip_special_tokens=False)})
        out.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": cases})
    json.dump(out, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    print()


main()
