# SPDX-License-Identifier: MIT
"""OpenBLAS: cblas_sgemm, from Debian's package; its threads are pinned by gemm_openblas.c."""
NAME = "OpenBLAS"
PROGRAM = "gemm_openblas"
DEBIAN = "libopenblas-dev"
PAUSE = 0.04  # its idle threads spin for 2^26 ticks before they sleep
