#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records embed_golden.json: sentences, BERT's vocab.txt and the vectors that transformers gives with the tiny model of
tests/families/bert, pooled in each way in double precision. Needs torch and transformers."""
import json
import pathlib
import shutil
import tempfile

import torch
import transformers

here = pathlib.Path(__file__).resolve().parent
letters = [chr(ord("a") + i) for i in range(26)]
vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters), "the", "cat", "##ing", ","]
sentences = ["the cat", "The CAT, sleeping", "a", "Élan vital", "the the the cat , cat", "zebra crossing at noon", "x1", ""]
with tempfile.TemporaryDirectory() as folder:
    shutil.copytree(here.parent / "families/bert", folder, dirs_exist_ok=True)
    pathlib.Path(folder, "vocab.txt").write_text("\n".join(vocab) + "\n")
    pathlib.Path(folder, "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": true}')
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    rows = []
    for sentence in sentences:
        inputs = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=model.config.max_position_embeddings)
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
        rows.append({"text": sentence, "ids": inputs.input_ids[0].tolist(), "mean": hidden.mean(0).tolist(), "cls": hidden[0].tolist(), "last": hidden[-1].tolist()})
for row in rows:
    for way in ("mean", "cls", "last"):
        row[way] = [round(x, 9) for x in row[way]]
with open(here / "embed_golden.json", "w") as file:
    json.dump({"vocab": vocab, "rows": rows, "torch": torch.__version__, "transformers": transformers.__version__}, file, indent=0)
