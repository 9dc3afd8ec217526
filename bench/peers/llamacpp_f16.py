# SPDX-License-Identifier: MIT
"""llama.cpp with keys and values in f16, as it comes; beside it we keep them so too (--kv-type f16)."""
from peers import llamacpp

NAME = "llama.cpp, f16 K/V"
PACKAGES, INSTALL_OPTIONS, PAUSE = llamacpp.PACKAGES, llamacpp.INSTALL_OPTIONS, llamacpp.PAUSE
VENV, AVX2_BUILD = "llamacpp", llamacpp.AVX2_BUILD


class Side(llamacpp.Side):
    cache = "F16"
