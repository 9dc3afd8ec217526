# SPDX-License-Identifier: MIT
"""OpenBLAS: cblas_sgemm, from Debian's package; its threads are pinned by gemm_openblas.c."""
import machine

NAME = "OpenBLAS"
PROGRAM = "gemm_openblas"
DEBIAN = "libopenblas-dev"
PAUSE = 0.04  # its idle threads spin for 2^26 ticks before they sleep
# what it chooses for such a processor without AVX-512
AVX2_ENV = {"OPENBLAS_CORETYPE": "Zen" if machine.cpu_info().get("vendor_id") == "AuthenticAMD" else "Haswell"}
