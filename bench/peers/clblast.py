# SPDX-License-Identifier: MIT
"""CLBlast on PoCL: CLBlastSgemm, from Debian's package, with the parameters that it ships."""
NAME = "CLBlast"
PROGRAM = "gemm_clblast"
DEBIAN = "libclblast-dev"
GFLOPS = 10
ROUNDS = 3
