#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that clade needs (sourced by demo.sh and test.sh). Packages that are there already cost
# nothing; without root, sudo is used.
set -euo pipefail

packages_build="gcc meson ninja-build pkg-config python3 ocl-icd-opencl-dev opencl-headers libjansson-dev libssl-dev
	libpcre2-dev libutf8proc-dev pocl-opencl-icd"
packages_test="clang libclang-rt-14-dev llvm-14 clang-format libcmocka-dev libmpfr-dev libprotobuf-c-dev protobuf-c-compiler
	protobuf-compiler libclblast-dev mesa-opencl-icd oclgrind python3-venv"

install_packages() {
	local missing=() package as_root=""
	for package in "$@"; do
		dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	echo "installing: ${missing[*]}"
	[ "$(id -u)" -eq 0 ] || as_root=sudo
	$as_root apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
