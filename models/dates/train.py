# SPDX-License-Identifier: MIT
"""Trains the model; resumable.

    python train.py --work WORK [--steps 10000]     checkpoint and result in WORK
"""
import argparse
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import dates_data as dd
import model as mm

ap = argparse.ArgumentParser()
ap.add_argument("--steps", type=int, default=10000)
ap.add_argument("--batch", type=int, default=256)
ap.add_argument("--lr", type=float, default=2e-3)
ap.add_argument("--warmup", type=int, default=800)
ap.add_argument("--seed", type=int, default=1998)
ap.add_argument("--chunk", type=int, default=20, help="batches made and sorted together")
ap.add_argument("--check", type=int, default=500, help="steps between checkpoints")
ap.add_argument("--work", required=True, help="folder of the checkpoint and the result")
ap.add_argument("--stop", type=int, default=0, help="leave after this step")
a = ap.parse_args()

torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(a.seed)
model = mm.Dates()
opt = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.98), eps=1e-9,
                        weight_decay=0.01, fused=True)
days = dd.Stream(0)
step, spent = 0, 0.0
os.makedirs(a.work, exist_ok=True)
state = os.path.join(a.work, "state.pt")
if os.path.exists(state):
    s = torch.load(state)
    model.load_state_dict(s["model"])
    opt.load_state_dict(s["opt"])
    step, spent = s["step"], s["spent"]
    print("resumed at", step, flush=True)


def rate(i):
    if i < a.warmup:
        return a.lr * (i + 1) / a.warmup
    return a.lr * 0.5 * (1 + math.cos(math.pi * (i - a.warmup) / max(1, a.steps - a.warmup)))


def chunk(number):
    """`--chunk` batches of training pairs, each of like lengths."""
    days.rng = random.Random(a.seed * 1000003 + number)
    rows = [(dd.encode(s), [dd.BOS] + [dd.VOCAB[c] for c in iso] + [dd.EOS])
            for s, iso in days.take(a.batch * a.chunk)]
    rows.sort(key=lambda r: len(r[0]))
    out = []
    for at in range(0, len(rows), a.batch):
        part = rows[at:at + a.batch]
        out.append((mm.pad([r[0] for r in part]), torch.tensor([r[1] for r in part])))
    days.rng.shuffle(out)
    return out


def save():
    torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "step": step,
                "spent": spent}, state + ".new")
    os.replace(state + ".new", state)


check = dd.Stream(77).take(500)          # of the training days, for progress only
total, count, began = 0.0, 0, time.time()
print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
last = min(a.steps, a.stop or a.steps)
while step < last:
    model.train()
    for src, tgt in chunk(step // a.chunk):
        for g in opt.param_groups:
            g["lr"] = rate(step)
        logits = model(src, tgt[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tgt[:, 1:].flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        total += loss.item()
        count += 1
        step += 1
        if step % 100 == 0:
            print("step %d loss %.4f lr %.2e %.0f s" % (
                step, total / count, rate(step), spent + time.time() - began), flush=True)
            total, count = 0.0, 0
    if step % a.check < a.chunk or step >= last:
        spent += time.time() - began
        began = time.time()
        save()
        model.eval()
        got = mm.answers(model, [s for s, _ in check])
        print("step %d exact %d / %d" % (
            step, sum(g == iso for g, (_, iso) in zip(got, check)), len(check)), flush=True)
mm.save(model, a.work)
print("done: %d steps, %.0f s" % (step, spent), flush=True)
