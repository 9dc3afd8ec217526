# SPDX-License-Identifier: MIT
"""tinygrad on PoCL: Tensor.linear under TinyJit, weights on the device, its default optimisations."""
NAME = "tinygrad"
PACKAGES = ["tinygrad==0.14.0", "numpy"]
ENV = {"DEV": "CL"}
GFLOPS = 10
ROUNDS = 3


class Side:
    def about(self):
        from importlib.metadata import version
        from tinygrad import Device
        return f"tinygrad {version('tinygrad')}, device {Device.DEFAULT}, {Device[Device.DEFAULT].device_name}"

    def open(self, m, n, k):
        from tinygrad import Tensor, TinyJit
        self.x = Tensor.rand(int(m), int(k)).realize()
        self.w = Tensor.rand(int(n), int(k)).realize()
        self.step = TinyJit(lambda x, w: x.linear(w.transpose()).realize())
        for _ in range(3):  # seen, recorded, replayed
            self.y = self.step(self.x, self.w)

    def time(self, calls):
        import time
        from tinygrad import Device
        device = Device[Device.DEFAULT]
        device.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            self.y = self.step(self.x, self.w)
        device.synchronize()
        return [(time.perf_counter() - start) / calls]

    def error(self):
        import numpy
        x, w, y = (tensor.numpy().astype(numpy.float64) for tensor in (self.x, self.w[:64], self.y[:, :64]))
        right = x @ w.T
        return float(((right - y) ** 2).sum() / (right ** 2).sum())
