# SPDX-License-Identifier: MIT
"""What is measured: works, each with the peers that do the same. The id of a row is its work's id, `/`, the peer."""
import dataclasses
import os

ROWS_M = (1, 2, 7, 12, 64, 128, 512, 516)
SIZES_NK = ((768, 768), (2304, 768), (3072, 768), (768, 3072), (384, 384), (1536, 384), (1023, 769), (32000, 768))
ENCODES = ((1, 16), (1, 128), (8, 128), (32, 128), (8, 512))
CHECK_TOKENS = 16


@dataclasses.dataclass
class Gemm:
    """a product x w', x [m, k], w [n, k]"""
    m: int
    n: int
    k: int
    peers: tuple = ("openblas", "clblast", "tinygrad_cl")
    unit = "GFLOP/s"
    rounds = 7
    needs = ()  # models
    tolerance = 1e-9  # NMSE of sampled elements, against double precision

    @property
    def id(self):
        return f"linear/M{self.m} N{self.n} K{self.k}"

    @property
    def amount(self):
        """of a call, in the unit's numerator"""
        return 2e-9 * self.m * self.n * self.k

    def words(self):
        return self.m, self.n, self.k

    def calls(self, gflops, quick):
        """at most 100, or as many as fit into 0.1 s at `gflops` and 30 GB/s: by the shape alone, so that runs compare"""
        once = max(self.amount / gflops, 4e-9 * self.n * self.k / 30)
        return max(1, min(100, int((0.02 if quick else 0.1) / once)))


@dataclasses.dataclass
class Model:
    """passes over a model; `test` is encode, prompt or generate"""
    id: str
    test: str
    model: str
    tokens: int
    batch: int = 1
    depth: int = 0
    peers: tuple = ("llamacpp",)
    tolerance: float = 1e-5  # NMSE of what comes out, against the peer's
    rounds: int = 3
    fast: bool = False
    kv: str = "f32"  # how keys and values are kept
    unit = "tokens/s"

    @property
    def amount(self):
        return self.batch * self.tokens

    @property
    def needs(self):
        return (self.model,)

    @property
    def options(self):
        """of clade's commands"""
        return (("--fast",) if self.fast else ()) + (("--kv-type", self.kv) if self.kv != "f32" else ())

    @property
    def output(self):
        return "last_hidden_state" if self.test == "encode" else "logits"

    def words(self):
        return (self.model, self.batch, self.tokens) if self.test == "encode" else (self.model, self.test, self.tokens, self.depth)

    def calls(self, gflops, quick):
        """about half a second on a machine of 500 GFLOP/s"""
        if self.test != "encode":
            return 1 if quick or self.test == "generate" else 2
        return 1 if quick else max(2, min(50, int(0.5 * 8000 / self.amount)))

    def check_words(self):
        """for `open`, where answers are compared"""
        return (self.model, 2, CHECK_TOKENS) if self.test == "encode" else (self.model, "prompt", 8, 0)

    def check_ids(self):
        """what all sides read there"""
        if self.test != "encode":
            return [list(range(1, 9))]
        ids = memoryview(open(os.path.join(self.model, "ids.i32"), "rb").read()).cast("i")
        return [list(ids[row * CHECK_TOKENS:(row + 1) * CHECK_TOKENS]) for row in range(2)]


def all_works(folder):
    """in the order of the page; `folder` holds the models"""
    works = [Gemm(m, n, k) for n, k in SIZES_NK for m in ROWS_M]
    works += [Model(f"encode/B{batch} T{tokens}", "encode", os.path.join(folder, "encoder"), tokens, batch, peers=("onnx_runtime", "pytorch"), rounds=5)
              for batch, tokens in ENCODES]
    llama = {kind: os.path.join(folder, f"llama-{kind}.gguf") for kind in ("f32", "q8_0", "q4_0")}
    # a peer that quantises activations too is no measure of more than 1e-2
    loose = {"f32": 1e-5, "q8_0": 1e-2, "q4_0": 1e-2}
    for kind, path in llama.items():
        works.append(Model(f"prompt/{kind}", "prompt", path, 512, tolerance=loose[kind]))
    for kind, path in llama.items():
        works.append(Model(f"generate/{kind}", "generate", path, 128, tolerance=loose[kind]))
    for kind in ("f32", "q8_0"):
        works.append(Model(f"decode2000/{kind}", "generate", llama[kind], 32, depth=2000, tolerance=loose[kind]))
    for kind in ("f32", "q8_0"):
        works.append(Model(f"decode2000-f16/{kind}", "generate", llama[kind], 32, depth=2000, peers=("llamacpp_f16",), tolerance=loose[kind], kv="f16"))
    for kind in ("q8_0", "q4_0"):
        works.append(Model(f"fast-prompt/{kind}", "prompt", llama[kind], 512, tolerance=loose[kind], fast=True))
        works.append(Model(f"fast-generate/{kind}", "generate", llama[kind], 128, tolerance=loose[kind], fast=True))
    return works
