# SPDX-License-Identifier: MIT
"""PyTorch and transformers on the CPU: BertModel in inference mode, f32, SDPA attention (its default)."""
import os

NAME = "PyTorch"
PACKAGES = ["torch==2.15.0", "transformers==5.23.0", "onnx==1.23.2", "numpy"]
PAUSE = 0.03
AVX2_ENV = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


class Side:
    def __init__(self):
        self.path = None
        self.threads = len(os.environ["BENCH_CORES"].split(","))

    def about(self):
        import torch
        import transformers
        return (f"PyTorch {torch.__version__}, transformers {transformers.__version__}, {self.threads} threads, "
                f"CPU capability {torch.backends.cpu.get_cpu_capability()}")

    def open(self, folder, batch, tokens):
        import numpy
        import torch
        from transformers import AutoModel
        if folder != self.path:
            torch.set_num_threads(self.threads)
            self.model = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
            self.path = folder
        ids = numpy.fromfile(os.path.join(folder, "ids.i32"), "<i4")
        self.ids = torch.from_numpy(numpy.resize(ids, (int(batch), int(tokens))).astype(numpy.int64))
        self.run()

    def run(self):
        import torch
        with torch.inference_mode():
            return self.model(input_ids=self.ids).last_hidden_state

    def time(self, calls):
        from side import timed
        return timed(calls, self.run)

    def answer(self):
        return self.run().numpy()
