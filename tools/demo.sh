#!/bin/bash
# SPDX-License-Identifier: MIT
# On a fresh Debian 12: installs what is needed, builds, and runs the model that ships, first through OpenCL, then as
# reference C, and shows that the logits have the same bits.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/packages.sh

install_packages $packages_build
[ -f build/build.ninja ] || meson setup build -Dbuildtype=release ${CLADE_MESON_OPTIONS:-} >/dev/null
ninja -C build clade

dates="the 3rd of March, 1998
Tuesday 14 july 2015
25/12/99
2004-2-29"

echo
echo "== clade devices"
build/clade devices
echo
echo "== through OpenCL (the first call compiles the kernels)"
echo "$dates" | build/clade generate dates --lines -
echo
echo "== the same with reference C"
echo "$dates" | build/clade generate dates --lines - --device ref
echo
echo "== every node of the model against reference C, bit for bit"
build/clade verify dates
