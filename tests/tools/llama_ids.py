#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ids of texts by llama.cpp: llama_ids.py FILE.gguf < texts.json > ids.json (needs the package llama-cpp-python)."""
import json
import sys

import llama_cpp


def main():
    model = llama_cpp.Llama(model_path=sys.argv[1], vocab_only=True, verbose=False)
    vocabulary = llama_cpp.llama_model_get_vocab(model.model)

    def ids(text):
        data = text.encode()
        room = len(data) + 16
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), buffer, room, True, True)
        assert count >= 0, text
        return list(buffer[:count])
    json.dump([ids(text) for text in json.load(sys.stdin)], sys.stdout)


main()
