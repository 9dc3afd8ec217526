#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden vectors of ops, from PyTorch in float64: make_ops.py writes ops.safetensors and ops.txt beside itself.

Inputs are f32 (or i32, bool). An expected value is stored as two f32 whose sum is the float64 result to 48 bits
(".hi", ".lo"), with a bound on the error of each element (".bound"), computed here from the inputs:

T0  bound 0: the bits must be right (moves, comparisons, integers, maxima).
T1  element-wise: (ULPs that the specification allows the functions + 2) of the result, at least 4 * 2^-126. Where the
    formula cancels (gelu) the bound follows the terms that cancel.
T2  sums: 2 gamma_K sum |a||b|, gamma_K = K u / (1 - K u), u = 2^-24 (Higham, Accuracy and Stability of Numerical
    Algorithms, chapter 3), carried through the formula that uses them.
"""
import math
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
U = 2.0 ** -24
FLOOR = 4 * 2.0 ** -126
F = torch.float64
rng = np.random.default_rng(20240607)
tensors, lines = {}, []


def gamma(count):
    return count * U / (1 - count * U)


def normal(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def d(array):
    return torch.from_numpy(np.asarray(array)).to(F)


def ulp(value):
    """Size of a unit in the last place of f32 at |value|."""
    magnitude = np.maximum(np.abs(np.asarray(value, dtype=np.float64)), 2.0 ** -126)
    magnitude = np.where(np.isfinite(magnitude), magnitude, 1.0)
    return 2.0 ** (np.floor(np.log2(magnitude)) - 23)


def case(op, name, attrs, inputs, outputs):
    """inputs: [(port, array)]; outputs: [(array, bound)], bound a number or an array (None: exact)."""
    ports = []
    for number, (port, array) in enumerate(inputs):
        key = f"{op}/{name}/in{number}"
        array = np.asarray(array)
        tensors[key] = np.array(array, order="C", copy=True) if array.dtype == np.bool_ else np.ascontiguousarray(
            array.astype(np.float32 if array.dtype.kind == "f" else np.int32)).reshape(array.shape)
        ports.append(port)
    for number, (array, bound) in enumerate(outputs):
        array = array.numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
        key = f"{op}/{name}/out{number}"
        if array.dtype.kind != "f":
            assert bound is None
            tensors[key] = array.copy() if array.dtype == np.bool_ else np.ascontiguousarray(array.astype(np.int32)).reshape(array.shape)
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            hi = array.astype(np.float32)
            lo = np.where(np.isfinite(hi), array - hi.astype(np.float64), 0).astype(np.float32)
        tensors[key + ".hi"], tensors[key + ".lo"] = hi.copy(), lo.reshape(hi.shape).copy()
        if bound is not None:
            bound = bound.numpy() if isinstance(bound, torch.Tensor) else np.asarray(bound, dtype=np.float64)
            # a tenth of a percent covers rounding the bound itself to f32
            tensors[key + ".bound"] = np.ascontiguousarray(
                np.broadcast_to(bound * 1.001 + FLOOR, array.shape).astype(np.float32)).reshape(hi.shape).copy()
    lines.append("|".join([op, name, attrs, " ".join(ports), str(len(outputs))]))


# ---- T1: functions of one element ----
def unary():
    x = np.concatenate([normal(61, scale=2), normal(20, scale=30), np.array([0.0, -0.0, 1.0, -1.0, 88.0, -87.0, 1e-6, -1e-6,
                       np.inf, -np.inf, np.nan, 3e38], dtype=np.float32)])
    positive = np.abs(x)
    t, p = d(x), d(positive)
    # function, exact value, ULPs of the functions within; exp below 2^-126 is 0 by definition
    exp = torch.exp(t)
    exp = torch.where(exp < 2.0 ** -126, torch.zeros_like(exp), exp)
    rows = [("neg", x, -t, None), ("abs", x, t.abs(), None), ("relu", x, torch.where(t < 0, torch.zeros_like(t), t), None),
            ("sqrt", positive, p.sqrt(), 0.5), ("rsqrt", positive, 1 / p.sqrt(), 0.5), ("reciprocal", x, 1 / t, 0.5),
            ("exp", x, exp, 4), ("log", positive, p.log(), 4), ("erf", x, torch.erf(t), 4), ("tanh", x, torch.tanh(t), 4)]
    for op, source, y, ulps in rows:
        case(op, "values", "", [("x", source)], [(y, None if ulps is None else (ulps + 2) * ulp(y))])
    # |x| up to 87: beyond it 1 + exp(-x) overflows f32 while the result is still above 2^-126
    x = x[np.isnan(x) | (np.abs(x) <= 87) | (x > 0)]
    t = d(x)
    sigmoid = torch.sigmoid(t)
    case("sigmoid", "values", "", [("x", x)], [(sigmoid, (4 + 0.5 + 0.5 + 2) * ulp(sigmoid))])
    silu = torch.where(torch.isinf(t) & (t < 0), torch.full_like(t, math.nan), t * sigmoid)
    case("silu", "values", "", [("x", x)], [(silu, (4 + 0.5 + 0.5 + 2) * ulp(silu))])
    x = x[np.isnan(x) | (np.abs(x) < 60)]
    t = d(x)
    # 1 + erf cancels for negative x: the error is that of its terms, (4 + 2) ULP of 1, times x / 2; the argument's
    # two roundings move erf by at most |x| erf' u, below one ULP of 1
    for approximate in ("none", "tanh"):
        y = torch.nn.functional.gelu(t, approximate=approximate)
        extra = 0 if approximate == "none" else 4
        case("gelu", approximate, f'approximate = "{approximate}"', [("x", x)],
             [(y, d(3 * ulp(y.numpy())) + (4 + 2 + 1 + extra) * 2.0 ** -23 * t.abs() / 2)])


def binary():
    a, b = normal(4, 1, 9), normal(5, 1)
    for op, function, ulps in (("add", torch.add, 0.5), ("sub", torch.sub, 0.5), ("mul", torch.mul, 0.5), ("div", torch.div, 0.5)):
        y = function(d(a), d(b))
        case(op, "broadcast", "", [("a", a), ("b", b)], [(y, (ulps + 2) * ulp(y))])
    i, j = rng.integers(-99, 99, (3, 4)), rng.integers(-99, 99, (4,))
    for op, function in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply)):
        case(op, "integers", "", [("a", i), ("b", j)], [(function(i, j), None)])
    for op, function in (("maximum", np.maximum), ("minimum", np.minimum)):
        case(op, "broadcast", "", [("a", a), ("b", b)], [(function(a, b).astype(np.float64), None)])
    base, power = np.abs(normal(7, 6)) + np.float32(0.01), normal(6, scale=3)
    y = torch.pow(d(base), d(power))
    case("pow", "values", "", [("a", base), ("b", power)], [(y, (4 + 2) * ulp(y))])
    signs = np.array([-2, -2, -2, 0, 0, 1, -1, 3], dtype=np.float32), np.array([2, 3, -1, 2, -1, 77, 5, 0], dtype=np.float32)
    y = torch.pow(d(signs[0]), d(signs[1]))
    case("pow", "signs", "", [("a", signs[0]), ("b", signs[1])], [(y, (4 + 2) * ulp(y))])
    b[0, 0], same = a[0, 0, 0], a.copy()
    for op, function in (("equal", np.equal), ("less", np.less), ("greater", np.greater)):
        case(op, "broadcast", "", [("a", same), ("b", b)], [(function(same, b), None)])
    p, q = rng.integers(0, 2, (3, 1, 4)).astype(bool), rng.integers(0, 2, (5, 4)).astype(bool)
    case("and", "broadcast", "", [("a", p), ("b", q)], [(p & q, None)])
    case("or", "broadcast", "", [("a", p), ("b", q)], [(p | q, None)])
    case("not", "values", "", [("x", p)], [(~p, None)])
    x, z = normal(5, 4), normal(1)
    case("where", "broadcast", "", [("cond", p), ("a", x), ("b", z)],
         [(np.where(p, x, z).astype(np.float64), None)])
    x = np.array([-2.7, -0.5, 0.0, 0.5, 2.7, 1e6], dtype=np.float32)
    case("cast", "to_i32", 'to = "i32"', [("x", x)], [(np.trunc(x).astype(np.int32), None)])
    case("cast", "to_bool", 'to = "bool"', [("x", x)], [(x != 0, None)])
    case("cast", "to_f32", 'to = "f32"', [("x", i)], [(i.astype(np.float64), None)])


# ---- T2: sums of products ----
def products():
    for name, rows, n, k in (("small", 3, 5, 7), ("blocks", 4, 9, 600), ("rows", 13, 33, 64)):
        x, w, bias = normal(rows, k), normal(n, k), normal(n)
        y = d(x) @ d(w).T + d(bias)
        bound = 2 * gamma(k + 1) * (d(x).abs() @ d(w).abs().T + d(bias).abs())
        case("linear", name, "", [("x", x), ("w", w), ("bias", bias)], [(y, bound)])
    x, w = normal(2, 3, 20), normal(4, 20)
    case("linear", "no_bias", "", [("x", x), ("w", w)], [(d(x) @ d(w).T, 2 * gamma(21) * (d(x).abs() @ d(w).abs().T))])
    for name, a_shape, b_shape, ta, tb in (("plain", (5, 300), (300, 7), 0, 0), ("batch", (2, 3, 5, 9), (3, 9, 4), 0, 0),
                                           ("ta", (2, 9, 5), (2, 9, 4), 1, 0), ("tb", (2, 5, 9), (1, 4, 9), 0, 1),
                                           ("tatb", (9, 5), (4, 9), 1, 1)):
        a, b = normal(*a_shape), normal(*b_shape)
        x, z = (d(a).mT if ta else d(a)), (d(b).mT if tb else d(b))
        attrs = ", ".join(word for word, on in (("transpose_a = true", ta), ("transpose_b = true", tb)) if on)
        case("matmul", name, attrs, [("a", a), ("b", b)], [(x @ z, 2 * gamma(x.shape[-1]) * (x.abs() @ z.abs()))])


def norms():
    for name, shape, axis in (("rows", (4, 33), -1), ("long", (2, 700), -1), ("axis", (3, 5, 4), 1)):
        x = normal(*shape, scale=3)
        t = d(x)
        y = torch.softmax(t, axis)
        gap = (t - t.amax(axis, keepdim=True)).abs()
        # exp's argument has one rounding, exp 4 ULP; the denominator averages the same errors
        relative = 2 * gamma(shape[axis]) + (gap + (y * gap).sum(axis, keepdim=True) + 10) * 2.0 ** -23
        case("softmax", name, "" if axis == -1 else f"axis = {axis}", [("x", x)], [(y, relative * y)])
    x = normal(3, 6)
    x[0, 2] = x[1, :] = -np.inf
    y = torch.softmax(d(x), -1)
    y[1] = 0  # a row without a live element gives zeros (ops/ARITHMETIC.md 4)
    case("softmax", "masked", "", [("x", x)], [(y, 64 * U * (y + 1e-30))])
    for name, shape, eps, offset in (("rows", (5, 31), 1e-5, 0), ("long", (2, 800), 1e-6, 0), ("mean", (3, 64), 1e-5, 50)):
        n = shape[-1]
        x, g, b = normal(*shape) + np.float32(offset), normal(n), normal(n)
        t, e = d(x), float(np.float32(eps))
        mean = t.mean(-1, keepdim=True)
        r = 1 / ((t - mean).square().mean(-1, keepdim=True) + e).sqrt()
        deviation = (t - mean) * r
        y = deviation * d(g) + d(b)
        # the mean is off by gamma_n mean|x| at most: it moves every deviation, and the variance through them
        mean_error = (gamma(n) + U) * t.abs().mean(-1, keepdim=True) * r
        bound = 2 * ((mean_error * (1 + deviation.abs()) + (gamma(n) + 6 * U) * deviation.abs()) * d(g).abs() + 2 * U * (y.abs() + d(b).abs()))
        case("layer_norm", name, f"eps = {eps}", [("x", x), ("gamma", g), ("beta", b)], [(y, bound)])
        r = 1 / (t.square().mean(-1, keepdim=True) + e).sqrt()
        y = t * r * d(g)
        case("rms_norm", name, f"eps = {eps}", [("x", x), ("gamma", g)], [(y, 2 * (gamma(n) / 2 + 4 * U) * y.abs())])
    x = normal(2, 9)
    y = torch.nn.functional.layer_norm(d(x), (9,), eps=float(np.float32(1e-5)))
    case("layer_norm", "plain", "", [("x", x)], [(y, 64 * U * (y.abs() + 1))])


def reductions():
    x = normal(3, 70, 2)
    t = d(x)
    for axis, keep in ((-1, False), (1, False), (1, True), (0, False)):
        attrs = f"axis = {axis}" + (", keepdims = true" if keep else "")
        name = f"axis{axis}{'k' if keep else ''}".replace("-", "m")
        n = t.shape[axis]
        case("reduce_sum", name, attrs, [("x", x)], [(t.sum(axis, keepdim=keep), 2 * gamma(n) * t.abs().sum(axis, keepdim=keep))])
        case("reduce_mean", name, attrs, [("x", x)], [(t.mean(axis, keepdim=keep), 2 * (gamma(n) + U) * t.abs().mean(axis, keepdim=keep))])
        case("reduce_max", name, attrs, [("x", x)], [(t.amax(axis, keepdim=keep), None)])
        case("reduce_min", name, attrs, [("x", x)], [(t.amin(axis, keepdim=keep), None)])
    x = normal(4, 30) * np.float32(0.3) + np.float32(1)
    y = d(x).prod(-1)
    case("reduce_prod", "rows", "", [("x", x)], [(y, 2 * gamma(30) * y.abs())])
    x = rng.integers(-5, 5, (6, 20)).astype(np.float32)
    case("argmax", "ties", "", [("x", x)], [(x.argmax(-1), None)])
    order = np.argsort(-x, axis=-1, kind="stable")[:, :7]
    case("top_k", "ties", "k = 7", [("x", x)], [(np.take_along_axis(x, order, -1).astype(np.float64), None), (order, None)])


# ---- attention ----
def attend(q, k, v, live, scale, softcap=0.0, bias=None):
    """float64 result, its bound and the weights; live: bool, broadcast to [b, h, t, s]."""
    repeat = q.shape[1] // k.shape[1]
    k, v = d(k).repeat_interleave(repeat, 1), d(v).repeat_interleave(repeat, 1)
    q, width = d(q), q.shape[-1]
    s = (q @ k.mT) * scale
    error = (2 * gamma(width) + 2 * U) * (q.abs() @ k.abs().mT) * scale
    if softcap:
        s = softcap * torch.tanh(s / softcap)
        error = error + 8 * U * s.abs()
    if bias is not None:
        s = s + d(bias)
        error = error + U * s.abs()
    live = torch.from_numpy(np.broadcast_to(live, s.shape).copy())
    s = torch.where(live, s, torch.full_like(s, -math.inf))
    top = s.amax(-1, keepdim=True)
    none = torch.isinf(top)
    p = torch.where(live, torch.exp(s - torch.where(none, torch.zeros_like(top), top)), torch.zeros_like(s))
    w = torch.where(none, torch.zeros_like(p), p / torch.where(none, torch.ones_like(top), p.sum(-1, keepdim=True)))
    gap = torch.where(live, (s - top).abs(), torch.zeros_like(s))
    relative = torch.where(live, error, torch.zeros_like(error)).amax(-1, keepdim=True) + (gap.amax(-1, keepdim=True) + 10) * 2.0 ** -23
    total = 2 * relative + 2 * gamma(s.shape[-1])
    return w @ v, total * (w @ v.abs()), w, total * w


def attention():
    b, h, g, t, s, width, e = 2, 4, 2, 5, 9, 8, 6
    q, k, v = normal(b, h, t, width), normal(b, g, s, width), normal(b, g, s, e)
    scale = 1 / math.sqrt(width)
    everything = np.ones((1, 1, t, s), bool)
    rows, keys = np.arange(t)[:, None] + (s - t), np.arange(s)[None, :]
    causal = (keys <= rows)[None, None]
    plain = [("q", q), ("k", k), ("v", v)]

    def add(name, attrs, inputs, live, **how):
        y, y_bound, w, w_bound = attend(q, k, v, live, how.pop("scale", scale), **how)
        case("attention", name, attrs, inputs, [(y, y_bound), (w, w_bound)])

    add("grouped", "", plain, everything)
    add("causal", "causal = true", plain, causal)
    add("window", "causal = true, window = 3", plain, causal & (keys > rows - 3)[None, None])
    add("scale", "scale = 0.5", plain, everything, scale=0.5)
    add("softcap", "softcap = 1.5", plain, everything, softcap=1.5)
    mask = rng.integers(0, 2, (b, 1, t, s)).astype(bool)
    mask[0, 0, 2] = False  # a row without a live key gives zeros
    add("mask", "", plain + [("mask", mask)], mask)
    bias = normal(1, h, t, s)
    add("bias", "causal = true", plain + [("bias", bias)], causal, bias=bias)
    positions = np.array([[0, 1, 2, 3, 4], [4, 5, 6, 7, 8]])
    lengths = np.array([5, 9])
    live = (keys[None] <= positions[:, :, None])[:, None] & (keys < lengths[:, None])[:, None, None, :]
    add("positions", "causal = true", plain + [("q_pos", positions), ("kv_len", lengths)], live)
    q, k, v = normal(1, 2, 2, 8), normal(1, 1, 530, 8), normal(1, 1, 530, 4)
    scale = 1 / math.sqrt(8)
    add("blocks", "", [("q", q), ("k", k), ("v", v)], np.ones((1, 1, 2, 530), bool))


# ---- positions ----
def positions():
    def angles(position, count, base, endpoint=False):
        frequency = np.array([float(base) ** (-i / ((count - 1) if endpoint else count)) for i in range(count)]).astype(np.float32)
        return (np.float32(position)[..., None] * frequency).astype(np.float32).astype(np.float64)  # f32, as specified

    x = normal(2, 3, 4, 8)
    pos = np.array([[0, 1, 2, 3], [7, 500, 40000, 9]])
    for layout in ("halves", "interleaved"):
        for rotary in (0, 4):
            width = rotary or 8
            a = d(angles(pos.astype(np.float32), width // 2, 10000))[:, None]
            part = d(x[..., :width])
            one, two = (part[..., :width // 2], part[..., width // 2:]) if layout == "halves" else (part[..., 0::2], part[..., 1::2])
            r1, r2 = one * a.cos() - two * a.sin(), two * a.cos() + one * a.sin()
            y, bound = d(x).clone(), torch.zeros_like(d(x))
            limit = (4 + 2) * 2.0 ** -23 * (one.abs() + two.abs())
            if layout == "halves":
                y[..., :width] = torch.cat([r1, r2], -1)
                bound[..., :width] = torch.cat([limit, limit], -1)
            else:
                y[..., 0:width:2], y[..., 1:width:2] = r1, r2
                bound[..., 0:width:2], bound[..., 1:width:2] = limit, limit
            case("rope", f"{layout}{rotary}", f'layout = "{layout}", rotary_dim = {rotary}', [("x", x), ("pos", pos)], [(y, bound)])
    x = np.zeros((2, 5, 8), dtype=np.float32)
    for name, attrs, start, base, endpoint, halves in (("table", "", 0, 10000, False, False), ("marian", 'layout = "halves", start = 1, endpoint = true', 1, 10000, True, True)):
        a = d(angles(np.arange(start, start + 5).astype(np.float32), 4, base, endpoint))
        y = torch.cat([a.sin(), a.cos()], -1) if halves else torch.stack([a.sin(), a.cos()], -1).reshape(5, 8)
        case("positional_encoding", name, attrs, [("x", x)], [(y, 6 * 2.0 ** -23 * torch.ones_like(y))])
    pos = np.array([[3, 0, 1, -1, 2], [9, 10, -5, 11, 12]])
    a = d(angles(pos.astype(np.float32), 4, 10000))
    y = torch.stack([a.sin(), a.cos()], -1).reshape(2, 5, 8)
    y[torch.from_numpy(pos < 0)] = 0
    case("positional_encoding", "rows", "", [("x", x), ("pos", pos)], [(y, 6 * 2.0 ** -23 * torch.ones_like(y))])


# ---- T0: moves ----
def moves():
    x = normal(2, 3, 4, 6)

    def move(op, name, attrs, inputs, y):
        case(op, name, attrs, inputs, [(np.ascontiguousarray(y).astype(np.float64) if y.dtype.kind == "f" else y, None)])

    move("reshape", "to2", "shape = [6, 24]", [("x", x)], x.reshape(6, 24))
    move("transpose", "axes", "axes = [0, 2, 1, 3]", [("x", x)], x.transpose(0, 2, 1, 3))
    move("transpose", "reverse", "axes = [3, 2, 1, 0]", [("x", x)], x.transpose(3, 2, 1, 0))
    z = normal(2, 5, 4, 6)
    move("concat", "axis1", "axis = 1", [("xs", x), ("xs", z), ("xs", x)], np.concatenate([x, z, x], 1))
    move("slice", "last", "start = 1, end = 6, step = 2", [("x", x)], x[..., 1:6:2])
    move("slice", "axis", "axis = 2, start = 1", [("x", x)], x[:, :, 1:])
    y = normal(2, 5, 12)
    move("split_heads", "three", "heads = 3", [("x", y)], y.reshape(2, 5, 3, 4).transpose(0, 2, 1, 3))
    move("merge_heads", "four", "", [("x", x)], x.transpose(0, 2, 1, 3).reshape(2, 4, 18))
    table, ids = normal(7, 5), rng.integers(0, 7, (2, 4))
    move("embedding", "rows", "", [("ids", ids), ("table", table)], table[ids])
    move("gather", "rows", "", [("x", table), ("indices", ids)], table[ids])
    rows = rng.integers(0, 5, (2, 3))
    move("gather_rows", "rows", "", [("x", y), ("rows", rows)], np.stack([y[i][rows[i]] for i in range(2)]))
    e = normal(3, 1)
    move("expand", "axis", "shape = [2, 3, 5]", [("x", e)], np.broadcast_to(e, (2, 3, 5)))
    move("copy", "values", "", [("x", x)], x)
    state, new, pos = normal(2, 2, 6, 3), normal(2, 2, 3, 3), np.array([[1, 2, 3], [5, -1, 6]])
    y = state.copy()
    for i in range(2):
        for j in range(3):
            if 0 <= pos[i, j] < 6:
                y[i, :, pos[i, j]] = new[i, :, j]
    move("cache_write", "rows", "", [("state", state), ("x", new), ("pos", pos)], y)
    s, n = normal(3, 4), normal(3, 4)
    move("store", "whole", "", [("state", s), ("x", n)], n)
    q, k = normal(1, 2, 4, 3), normal(1, 2, 7, 3)
    rows, keys = np.arange(4)[:, None] + 3, np.arange(7)[None, :]
    move("causal_mask", "plain", "", [("q", q), ("k", k)], (keys <= rows)[None, None])
    move("causal_mask", "window", "window = 2", [("q", q), ("k", k)], ((keys <= rows) & (keys > rows - 2))[None, None])
    m = rng.integers(0, 2, (3, 5))
    move("padding_mask", "rows", "", [("attention_mask", m)], (m != 0)[:, None, None])


# ---- T2: sums up to each element; T1: slopes, powers of a base in f32 ----
def cumulative():
    for name, shape, axis in [("rows", (5, 300), 1), ("axis 0", (67, 9), 0)]:
        x = normal(*shape) + np.float32(1)
        y = np.cumsum(x.astype(np.float64), axis)
        bound = 2 * gamma(shape[axis]) * np.cumsum(np.abs(x.astype(np.float64)), axis)
        case("cumulative_sum", name, f"axis = {axis}", [("x", x)], [(y, bound)])
    mask = rng.integers(0, 2, (3, 40))
    case("cumulative_sum", "mask", "", [("x", mask)], [(np.cumsum(mask, 1), None)])
    for heads, bias in [(8, 8), (12, 8), (6, 3)]:
        n = 2 ** int(math.log2(heads))
        powers = [(h + 1) / n if h < n else (2 * (h - n) + 1) / (2 * n) for h in range(heads)]
        factors = np.array([h + 1 if h < n else 2 * (h - n) + 1 for h in range(heads)])
        y = np.array([2.0 ** (-bias * power) for power in powers])[:, None] * np.arange(33)
        case("alibi", f"{heads} heads", f"heads = {heads}, keys = 33, max_bias = {bias}", [],
             [(y[None, :, None], ((factors[:, None] + 2) * U * y)[None, :, None])])


# ---- rope's frequencies by f32 operations, as transformers has them ----
def scaled_rope():
    x, pos = normal(2, 3, 5, 12), np.array([[0, 1, 2, 900, 77], [7, 500, 40000, 9, 123]])
    half = 6
    frequency = 1.0 / (500000.0 ** (torch.arange(0, 12, 2, dtype=torch.float32) / 12))
    wave, low, high, original, factor = 2 * math.pi / frequency, 1.5, 4.0, 128, 8.0
    smooth = (original / wave - low) / (high - low)
    between = (1 - smooth) * frequency / factor + smooth * frequency
    llama3 = torch.where(wave > original / low, frequency / factor, torch.where(wave < original / high, frequency, between))
    assert len({0 if w > original / low else 1 if w < original / high else 2 for w in wave.tolist()}) == 3
    table = np.abs(normal(half)) + np.float32(0.5)
    for name, attrs, rows, inputs in [
            ("linear", 'theta = 500000, scaling = "linear", factor = 8', frequency / factor, []),
            ("llama3", 'theta = 500000, scaling = "llama3", factor = 8, low_factor = 1.5, high_factor = 4, original = 128', llama3, []),
            ("factors", "theta = 500000", frequency / torch.from_numpy(table), [("factors", table)])]:
        a = (torch.from_numpy(pos.astype(np.float32))[..., None] * rows).to(F)[:, None]
        one, two = d(x[..., :half]), d(x[..., half:])
        y = torch.cat([one * a.cos() - two * a.sin(), two * a.cos() + one * a.sin()], -1)
        limit = (4 + 2) * 2.0 ** -23 * (one.abs() + two.abs())
        case("rope", name, attrs, [("x", x), ("pos", pos)] + inputs, [(y, torch.cat([limit, limit], -1))])


# ---- T2 through two products and an activation, whose slope is at most 1.1 ----
def experts():
    for rows, chosen, count, width, hidden in [(3, 2, 4, 5, 7), (2, 1, 2, 3, 270), (2, 1, 3, 270, 3)]:
        x, weights = normal(rows, width), np.abs(normal(rows, chosen))
        indices = np.stack([rng.permutation(count)[:chosen] for _ in range(rows)])
        w1, w3 = normal(count, hidden, width, scale=0.3), normal(count, hidden, width, scale=0.3)
        w2 = normal(count, width, hidden, scale=0.3)
        y, bound = torch.zeros(rows, width, dtype=F), torch.zeros(rows, width, dtype=F)
        size = torch.zeros(rows, width, dtype=F)
        for i in range(rows):
            for j, e in enumerate(indices[i]):
                one, three, two, row, weight = d(w1[e]), d(w3[e]), d(w2[e]), d(x[i]), float(weights[i, j])
                gate, up = one @ row, three @ row
                gate_error, up_error = 2 * gamma(width) * (one.abs() @ row.abs()), 2 * gamma(width) * (three.abs() @ row.abs())
                act = torch.nn.functional.silu(gate)
                act_error = 1.1 * gate_error + 6 * 2.0 ** -23 * act.abs()
                h, h_error = act * up, up.abs() * act_error + act.abs() * up_error + act_error * up_error
                h_error = h_error + 2 * U * h.abs()
                y[i] += weight * (two @ h)
                size[i] += weight * (two.abs() @ h.abs())
                bound[i] += weight * (two.abs() @ h_error) + weight * 2 * gamma(hidden) * (two.abs() @ (h.abs() + h_error))
        case("moe", f"{chosen} of {count}, {width} to {hidden}", "", [("x", x), ("indices", indices), ("weights", weights), ("w1", w1), ("w3", w3), ("w2", w2)],
             [(y, bound + 2 * gamma(chosen + 1) * size)])


for make in (unary, binary, products, norms, reductions, attention, positions, moves, cumulative, scaled_rope, experts):
    make()
save_file(tensors, HERE / "ops.safetensors")
(HERE / "ops.txt").write_text("# op|case|attributes|ports of the inputs|number of outputs; made by make_ops.py\n" + "\n".join(lines) + "\n")
print(len(lines), "cases,", (HERE / "ops.safetensors").stat().st_size, "bytes")
