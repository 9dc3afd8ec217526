# SPDX-License-Identifier: MIT
"""ONNX Runtime on the CPU: the encoder as PyTorch exports it, all of the runtime's optimisations, pinned threads."""
import os

NAME = "ONNX Runtime"
PACKAGES = ["onnxruntime==1.31.1", "numpy"]
PAUSE = 0.03
AVX2_PRELOAD = ["mask_cpuid.so"]  # it asks the processor itself and has no switch


class Side:
    def __init__(self):
        self.cores = [int(core) for core in os.environ["BENCH_CORES"].split(",")]
        self.path = None

    def about(self):
        import onnxruntime
        return f"ONNX Runtime {onnxruntime.__version__}, CPU provider, {len(self.cores)} threads, all optimisations"

    def open(self, folder, batch, tokens):
        import numpy
        import onnxruntime
        if folder != self.path:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = len(self.cores)
            options.inter_op_num_threads = 1
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            # of the threads that it makes; processors count from one there
            options.add_session_config_entry("session.intra_op_thread_affinities", ";".join(str(core + 1) for core in self.cores[1:]))
            self.session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])
            os.sched_setaffinity(0, self.cores[:1])  # of the thread that calls
            self.path = folder
        ids = numpy.fromfile(os.path.join(folder, "ids.i32"), "<i4")
        self.ids = numpy.resize(ids, (int(batch), int(tokens))).astype(numpy.int64)
        self.run()

    def run(self):
        import numpy
        return self.session.run(None, {"input_ids": self.ids, "attention_mask": numpy.ones_like(self.ids)})[0]

    def time(self, calls):
        from side import timed
        return timed(calls, self.run)

    def answer(self):
        return self.run()
