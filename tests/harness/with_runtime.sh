#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program with exactly one OpenCL runtime visible: with_runtime.sh pocl|rusticl|oclgrind|intel|none PROGRAM ...
# An absent runtime is a failure, except Intel's, which is found only through CLADE_INTEL_RT (the folder of a virtual
# environment with the package intel-opencl-rt): then exit 77, which Meson counts as skipped.
set -eu
runtime=$1
shift
# Meson names a program of the working directory without a folder, which a shell looks for in PATH.
case $1 in
*/*) ;;
*)
	if [ -x "./$1" ]; then
		program=./$1
		shift
		set -- "$program" "$@"
	fi
	;;
esac
vendors=${CLADE_ICD_DIR:-/etc/OpenCL/vendors}
: "${POCL_CACHE_DIR:=${TMPDIR:-/tmp}/clade-pocl-cache}"
mkdir -p "$POCL_CACHE_DIR"
export POCL_CACHE_DIR POCL_AFFINITY=1 POCL_SIGFPE_HANDLER=0

need() {
	[ -e "$1" ] && return
	echo "with_runtime.sh: $1 is missing: install $2" >&2
	exit 1
}

case $runtime in
pocl)
	need "$vendors/pocl.icd" pocl-opencl-icd
	export OCL_ICD_VENDORS="$vendors/pocl.icd"
	;;
rusticl)
	need "$vendors/rusticl.icd" mesa-opencl-icd
	export OCL_ICD_VENDORS="$vendors/rusticl.icd" RUSTICL_ENABLE=llvmpipe
	;;
oclgrind)
	# Oclgrind puts itself before the ICD loader. It exits with 0 whatever it finds: its log has to be empty.
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	command -v oclgrind >/dev/null || need oclgrind oclgrind
	export OCL_ICD_VENDORS=/nonexistent
	status=0
	oclgrind --log "$log" "$@" || status=$?
	if [ -s "$log" ]; then
		echo "Oclgrind found errors:"
		head -c 20000 "$log"
		exit 1
	fi
	exit $status
	;;
intel)
	if [ -z "${CLADE_INTEL_RT:-}" ]; then
		echo "skipped: CLADE_INTEL_RT does not name a folder with Intel's CPU runtime"
		exit 77
	fi
	need "$CLADE_INTEL_RT/lib/libintelocl.so" "intel-opencl-rt (pip) in $CLADE_INTEL_RT"
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	export CLADE_TEST_CACHE="$POCL_CACHE_DIR-intel" # its compiler is slow; others have caches of their own
	echo "$CLADE_INTEL_RT/lib/libintelocl.so" >"$folder/intel.icd"
	OCL_ICD_VENDORS=$folder LD_LIBRARY_PATH="$CLADE_INTEL_RT/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"
	exit
	;;
none)
	export OCL_ICD_VENDORS=/nonexistent
	;;
*)
	echo "with_runtime.sh: no runtime '$runtime'" >&2
	exit 1
	;;
esac
exec "$@"
