# SPDX-License-Identifier: MIT
"""Whom we compare with, one file each. A file has NAME; PACKAGES (a virtual environment of these is made for it and
`class Side` runs there: open, time, about, and error or answer; VENV: it shares that of another peer) or PROGRAM (built by Meson from DEBIAN's headers);
PAUSE, seconds until its idle threads sleep; where it is slow, GFLOPS, about its rate, and ROUNDS, the most of them; and
how it is kept from AVX-512: AVX2_ENV, variables of its process, AVX2_BUILD, variables while it is compiled, or
AVX2_PRELOAD, libraries of ours that are loaded before it."""
