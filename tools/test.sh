#!/bin/bash
# SPDX-License-Identifier: MIT
# On a fresh Debian 12: installs what is needed, builds, and passes the tests: everything with gcc on every OpenCL
# runtime, then everything that needs no slow runtime again with clang's address and undefined-behaviour sanitizers.
#   tools/test.sh         what CI runs
#   tools/test.sh --all   also the exhaustive proofs (an hour)
# The last line is "N passed, N failed, N skipped", counted over single cases.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

all=0
for argument in "$@"; do
	case "$argument" in
	--all) all=1 ;;
	*) echo "usage: tools/test.sh [--all]" >&2; exit 2 ;;
	esac
done

install_packages $packages_build $packages_test

# Intel's CPU runtime has what the others lack (sub-groups, fp16). Its licence lets us run it, not ship it.
intel=${CLADE_INTEL_RT:-$PWD/build-intel-rt}
if [ ! -e "$intel/lib/libintelocl.so" ] && [ -z "${CLADE_INTEL_RT:-}" ]; then
	python3 -m venv "$intel" && "$intel/bin/pip" install -q intel-opencl-rt intel-cmplr-lib-rt || true
fi
if [ -e "$intel/lib/libintelocl.so" ]; then
	mkdir -p build-intel-icd
	echo "$intel/lib/libintelocl.so" >build-intel-icd/intel.icd
	export CLADE_INTEL_RT="$intel" CLADE_INTEL_ICD="$PWD/build-intel-icd"
else
	echo "note: Intel's CPU runtime could not be installed; its tests will be skipped"
fi

# Outside oracles that tests ask at run time; goldens made by larger ones are in the repository.
if [ -z "${CLADE_ORACLE_PYTHON:-}" ]; then
	oracles=$PWD/build-oracles
	if [ ! -e "$oracles/ready" ]; then
		python3 -m venv "$oracles" &&
			"$oracles/bin/pip" install -q tokenizers==0.23.3 gguf==0.19.0 numpy jinja2 && touch "$oracles/ready" || true
	fi
	[ -e "$oracles/ready" ] && export CLADE_ORACLE_PYTHON="$oracles/bin/python"
fi
[ -n "${CLADE_ORACLE_PYTHON:-}" ] || echo "note: tokenizers and gguf could not be installed; tests that ask them are skipped"

export CLADE_SHARED_DATA="${CLADE_SHARED_DATA:-$(cd .. && pwd)/shared/data}"
[ -d "$CLADE_SHARED_DATA" ] || echo "note: no shared test data beside the project; those tests will be skipped"

failed=0
run_suite() { # folder, meson options...
	local folder=$1
	shift
	[ -f "$folder/build.ninja" ] || meson setup "$folder" "$@" >/dev/null
	ninja -C "$folder"
	meson test -C "$folder" --no-rebuild --print-errorlogs --num-processes 2 ${suites:-} || failed=1
}

suites="--no-suite exhaustive"
[ "$all" = 1 ] && suites=""
run_suite build -Dbuildtype=release ${CLADE_MESON_OPTIONS:-}
suites="--no-suite exhaustive --no-suite slow --no-suite unsanitized"
# Leak checks that follow TLS of libraries loaded later read wild addresses (clang 14, glibc 2.36).
export ASAN_OPTIONS=detect_leaks=1:use_sigaltstack=0:intercept_tls_get_addr=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
CC=clang run_suite build-asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false

tools/count_tests.py build/meson-logs/testlog.json build-asan/meson-logs/testlog.json || failed=1
exit $failed
