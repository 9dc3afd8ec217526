# SPDX-License-Identifier: MIT
"""The encoder-decoder Transformer of "Attention Is All You Need", small."""
import json
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import dates_data as dd

MAX_TARGET = 12           # <s>, ten characters, one to spare
CONFIG = {
    "model_type": "dates",
    "d_model": 64,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "attention_heads": 4,
    "ffn_dim": 128,
    "vocab_size": len(dd.TOKENS),
    "max_position_embeddings": dd.MAX_SOURCE,
    "max_target": MAX_TARGET,
    "layer_norm_eps": 1e-05,
    "pad_token_id": dd.PAD,
    "bos_token_id": dd.BOS,
    "eos_token_id": dd.EOS,
    "decoder_start_token_id": dd.BOS,
}


def positions(n, d):
    """PE[p, 2i] = sin(p / 10000^(2i/d)), PE[p, 2i+1] = cos(...).

    The angle is a float32 product; sine and cosine are taken in double.
    """
    inv = torch.tensor([10000.0 ** (-2 * i / d) for i in range(d // 2)],
                       dtype=torch.float64).float()
    angle = (torch.arange(n, dtype=torch.float32)[:, None] * inv).double()
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(n, d).float()


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d = c["d_model"]
        self.heads = c["attention_heads"]
        self.q_proj = nn.Linear(d, d)
        self.k_proj = nn.Linear(d, d)
        self.v_proj = nn.Linear(d, d)
        self.o_proj = nn.Linear(d, d)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, memory, mask):
        """mask: true where a query may attend."""
        q = self.split(self.q_proj(x))
        k = self.split(self.k_proj(memory))
        v = self.split(self.v_proj(memory))
        w = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        w = w.masked_fill(~mask, float("-inf")).softmax(-1)
        y = (w @ v).transpose(1, 2).reshape(x.shape)
        return self.o_proj(y)


class Layer(nn.Module):
    def __init__(self, c, cross):
        super().__init__()
        d, eps = c["d_model"], c["layer_norm_eps"]
        self.self_attn = Attention(c)
        self.self_attn_norm = nn.LayerNorm(d, eps)
        if cross:
            self.cross_attn = Attention(c)
            self.cross_attn_norm = nn.LayerNorm(d, eps)
        self.fc1 = nn.Linear(d, c["ffn_dim"])
        self.fc2 = nn.Linear(c["ffn_dim"], d)
        self.ffn_norm = nn.LayerNorm(d, eps)

    def forward(self, x, mask, memory=None, memory_mask=None):
        x = self.self_attn_norm(x + self.self_attn(x, x, mask))
        if memory is not None:
            x = self.cross_attn_norm(x + self.cross_attn(x, memory, memory_mask))
        return self.ffn_norm(x + self.fc2(F.relu(self.fc1(x))))


class Stack(nn.Module):
    def __init__(self, c, layers, length, cross):
        super().__init__()
        d = c["d_model"]
        self.scale = math.sqrt(d)
        self.embed = nn.Embedding(c["vocab_size"], d)
        nn.init.normal_(self.embed.weight, std=d ** -0.5)
        self.layers = nn.ModuleList(Layer(c, cross) for _ in range(layers))
        self.register_buffer("pe", positions(length, d), persistent=False)

    def forward(self, ids, mask, memory=None, memory_mask=None):
        x = self.embed(ids) * self.scale + self.pe[:ids.shape[1]]
        for layer in self.layers:
            x = layer(x, mask, memory, memory_mask)
        return x


class Dates(nn.Module):
    def __init__(self, c=CONFIG):
        super().__init__()
        self.config = c
        self.encoder = Stack(c, c["encoder_layers"], c["max_position_embeddings"], False)
        self.decoder = Stack(c, c["decoder_layers"], c["max_target"], True)
        self.generator = nn.Linear(c["d_model"], c["vocab_size"])
        for n, p in self.named_parameters():
            if p.dim() > 1 and "embed" not in n:
                nn.init.xavier_uniform_(p)
            elif n.endswith("bias"):
                nn.init.zeros_(p)

    def encode(self, src):
        mask = (src != dd.PAD)[:, None, None, :]
        return self.encoder(src, mask), mask

    def decode(self, tgt, memory, memory_mask):
        n = tgt.shape[1]
        look = torch.ones(n, n, dtype=torch.bool).tril()[None, None]
        mask = look & (tgt != dd.PAD)[:, None, None, :]
        return self.generator(self.decoder(tgt, mask, memory, memory_mask))

    def forward(self, src, tgt):
        return self.decode(tgt, *self.encode(src))

    @torch.no_grad()
    def greedy(self, src):
        memory, mask = self.encode(src)
        out = torch.full((len(src), 1), dd.BOS)
        done = torch.zeros(len(src), dtype=torch.bool)
        while out.shape[1] < self.config["max_target"] and not done.all():
            best = self.decode(out, memory, mask)[:, -1].argmax(-1)
            best[done] = dd.PAD
            done |= best == dd.EOS
            out = torch.cat([out, best[:, None]], 1)
        return out[:, 1:]


def pad(rows):
    n = max(map(len, rows))
    return torch.tensor([r + [dd.PAD] * (n - len(r)) for r in rows])


def answers(model, texts, batch=200):
    """Greedy answers, in order; sorted by length within to spare padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = [""] * len(texts)
    for at in range(0, len(order), batch):
        idx = order[at:at + batch]
        ids = model.greedy(pad([dd.encode(texts[i]) for i in idx]))
        for i, row in zip(idx, ids.tolist()):
            row = row[:row.index(dd.EOS)] if dd.EOS in row else row
            out[i] = "".join(dd.TOKENS[t] for t in row if t > dd.UNK)
    return out


def load(folder=dd.HERE):
    with open(os.path.join(folder, "config.json")) as f:
        model = Dates(json.load(f))
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")))
    return model.eval()


def save(model, folder):
    """model.safetensors, config.json, generation_config.json, tokenizer.json."""
    os.makedirs(folder, exist_ok=True)
    save_file({n: p.detach().clone().contiguous() for n, p in model.state_dict().items()},
              os.path.join(folder, "model.safetensors"))
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)

    def write(name, value):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=2, ensure_ascii=False)
            f.write("\n")

    c = model.config
    write("config.json", c)
    write("generation_config.json",
          {k: c[k] for k in ("pad_token_id", "bos_token_id", "eos_token_id",
                             "decoder_start_token_id")} |
          {"max_length": c["max_target"], "do_sample": False, "num_beams": 1})
    write("tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": i, "content": t, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for i, t in enumerate(dd.SPECIAL)],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"},
                          "behavior": "Isolated", "invert": False},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": "</s>", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 0}},
                     {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "special_tokens": {"</s>": {"id": "</s>", "ids": [dd.EOS], "tokens": ["</s>"]}}},
        "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": dd.VOCAB, "unk_token": "<unk>"},
    })
