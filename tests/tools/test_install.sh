#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the build into a fresh folder, builds examples/run.c against it with pkg-config and the installed program's
# shipped model, and checks what they print. Usage: test_install.sh BUILD SOURCE
set -eu
build=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "[==========] Running 5 test(s)."
passed=0
pass() { passed=$((passed + 1)); echo "[       OK ] $1"; }

meson install -C "$build" --no-rebuild --quiet --destdir "$folder" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
config=$(dirname "$(find "$folder" -name clade.pc)")
PKG_CONFIG_PATH=$config
export PKG_CONFIG_PATH
root=$folder$(pkg-config --variable=prefix clade) # where the prefix lies below the fresh folder
pass "meson install"

# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror "$source/examples/run.c" -o "$folder/run" $(pkg-config --define-variable=prefix="$root" --cflags --libs clade)
LD_LIBRARY_PATH=$(pkg-config --define-variable=prefix="$root" --variable=libdir clade)
export LD_LIBRARY_PATH
pass "examples/run.c builds against the installed library"

printf '\100\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}         ' >"$folder/w.safetensors"
printf '\0\0\200\077\0\0\0\100\0\0\100\100' >>"$folder/w.safetensors" # 1, 2, 3
"$folder/run" "$source/examples/scale.graph" "$folder/w.safetensors" ref >"$folder/out"
# gelu(x * w) = x w (1 + erf(x w / sqrt 2)) / 2 of -1 0 3 / 2 6 12
awk 'BEGIN { split("-0.158655254 0 2.99595031 1.95449974 6 12", e) }
	{ for (i = 1; i <= 3; i++) { n++; d = $i - e[n]; if (d < 0) d = -d; if (d > 1e-6) bad = 1 } }
	END { exit bad || n != 6 }' "$folder/out" || { cat "$folder/out"; exit 1; }
pass "it runs scale.graph on ref"

program=$(find "$folder" -path '*/bin/clade')
"$program" --version >/dev/null
cc -std=c11 -xc - -fsyntax-only $(pkg-config --define-variable=prefix="$root" --cflags clade-text) <<'END'
#include <clade/text.h>
END
pass "the installed program starts, clade-text has its header"

test "$(cd "$folder" && "$program" generate dates --device ref --prompt "1 May 2004")" = 2004-05-01
"$program" inspect dates --json | grep -q "$folder" # its own copy, not the source tree's
pass "the installed program finds the model that ships with it"
echo "[==========] 5 test(s) run."
echo "[  PASSED  ] $passed test(s)."
