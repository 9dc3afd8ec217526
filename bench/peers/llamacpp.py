# SPDX-License-Identifier: MIT
"""llama.cpp on the CPU, built for this machine from the source package of llama-cpp-python: a prompt in one batch,
generation token by token, keys and values in f32 like ours, only the last token's logits; what its own bench does. Its
flash attention is much slower than its plain one for f32 at decode, and faster for prompts: each row gets the faster."""
import os

NAME = "llama.cpp"
PACKAGES = ["llama-cpp-python==0.3.36", "numpy"]
INSTALL_OPTIONS = ["--no-binary", "llama-cpp-python"]
PAUSE = 0.03
CONTEXT = 2048
AVX2_BUILD = {"CMAKE_ARGS": " ".join(["-DGGML_NATIVE=OFF", *(f"-DGGML_{name}=ON" for name in ("AVX", "AVX2", "FMA", "F16C", "BMI2")),
                                      *(f"-DGGML_{name}=OFF" for name in ("AVX512", "AVX512_VBMI", "AVX512_VNNI", "AVX512_BF16", "AVX_VNNI"))])}


class Side:
    cache = "F32"

    def __init__(self):
        import llama_cpp
        self.c = llama_cpp
        self.threads = len(os.environ["BENCH_CORES"].split(","))
        self.model = self.context = self.path = None
        # a Python function that does nothing: no log; kept, for C calls it
        self.silence = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.silence, None)
        llama_cpp.llama_backend_init()

    def about(self):
        features = [word.strip() for word in self.c.llama_print_system_info().decode().replace("CPU :", "").split("|")]
        kept = [word.split(" ")[0] for word in features if word.endswith("= 1") and word.startswith(("AVX", "FMA", "OPENMP", "REPACK", "LLAMAFILE"))]
        return f"llama.cpp of llama-cpp-python {self.c.__version__}, {self.threads} threads, K and V in {self.cache.lower()}, the faster of its attentions; " + " ".join(kept)

    def open(self, path, test, tokens, depth):
        import numpy
        if path != self.path:
            self.close()
            self.model = self.c.llama_model_load_from_file(path.encode(), self.c.llama_model_default_params())
            if not self.model:
                raise RuntimeError("llama.cpp cannot load the file")
            self.path = path
        self.ids = numpy.random.default_rng(1).integers(3, 31999, 4096).tolist()
        self.test, self.tokens, self.depth = test, int(tokens), int(depth)
        plain, flash = self.trial(self.c.LLAMA_FLASH_ATTN_TYPE_DISABLED), self.trial(self.c.LLAMA_FLASH_ATTN_TYPE_ENABLED)
        if plain < flash:
            self.trial(self.c.LLAMA_FLASH_ATTN_TYPE_DISABLED)

    def trial(self, attention):
        """a context with this attention that has run the test; seconds of the second time"""
        c = self.c
        if self.context:
            c.llama_free(self.context)
        params = c.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.flash_attn_type = CONTEXT, CONTEXT, 512, attention
        params.n_threads = params.n_threads_batch = self.threads
        params.type_k = params.type_v = getattr(c, "GGML_TYPE_" + self.cache)
        self.context = c.llama_init_from_model(self.model, params)
        if not self.context:
            raise RuntimeError("llama.cpp makes no context")
        self.memory = c.llama_get_memory(self.context)
        if self.depth:
            self.decode(self.ids[:self.depth], 0)
        self.once()
        return self.time(1)[0]

    def close(self):
        if self.context:
            self.c.llama_free(self.context)
        if self.model:
            self.c.llama_model_free(self.model)
        self.context = self.model = None

    def decode(self, ids, position):
        batch = self.c.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, position + i, 1, 0, i == len(ids) - 1
        status = self.c.llama_decode(self.context, batch)
        self.c.llama_batch_free(batch)
        if status:
            raise RuntimeError(f"llama_decode gives {status}")

    def once(self):
        """from `depth` tokens on"""
        self.c.llama_memory_seq_rm(self.memory, 0, self.depth, -1)
        if self.test == "prompt":
            self.decode(self.ids[:self.tokens], 0)
        else:
            for i in range(self.tokens):
                self.decode(self.ids[i:i + 1], self.depth + i)
        self.c.llama_synchronize(self.context)

    def time(self, calls):
        from side import timed
        return timed(calls, self.once)

    def answer(self):
        """logits after the ids 1 to 8"""
        import numpy
        self.c.llama_memory_clear(self.memory, True)
        self.decode(list(range(1, 9)), 0)
        count = self.c.llama_vocab_n_tokens(self.c.llama_model_get_vocab(self.model))
        return numpy.ctypeslib.as_array(self.c.llama_get_logits(self.context), (count,)).copy()
