#!/bin/sh
# SPDX-License-Identifier: MIT
# linear against OpenBLAS (package libopenblas-dev), both on the same pinned cores: writes bench/RESULTS.md.
# Arguments go to bench_linear (shapes as MxNxK, --rounds N).
set -eu
cd "$(dirname "$0")/.."
build=${CLADE_BUILD:-build-bench}
[ -d "$build" ] || meson setup "$build" --buildtype=release -Dtests=false >/dev/null
ninja -C "$build" >/dev/null
if [ ! -x "$build/bench/bench_linear" ]; then
	echo "bench/linear.sh: OpenBLAS was not found by Meson: install libopenblas-dev and remove $build" >&2
	exit 1
fi
# What an environment may have preset for OpenBLAS can make it several times slower (AVX2 kernels, one thread).
for name in $(env | sed -n 's/^\(OPENBLAS_[A-Z_]*\|GOTO_[A-Z_]*\|OMP_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
OPENBLAS_NUM_THREADS=$(nproc)
export OPENBLAS_NUM_THREADS POCL_AFFINITY=1
export OCL_ICD_VENDORS="${OCL_ICD_VENDORS:-/etc/OpenCL/vendors/pocl.icd}"
exec "$build/bench/bench_linear" --out bench/RESULTS.md "$@"
