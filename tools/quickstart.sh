#!/bin/sh
# Installs what is missing on Debian or Ubuntu, builds, and trains on data/fashion. Run from anywhere.
set -eu
cd "$(dirname "$0")/.."
missing=
command -v cmake >/dev/null || missing="$missing cmake"
command -v make >/dev/null || missing="$missing make"
command -v cc >/dev/null || missing="$missing gcc libc6-dev"
if [ -n "$missing" ]; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get update
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi
cmake -S . -B build
cmake --build build -j "$(getconf _NPROCESSORS_ONLN)"
build/cl_train --lambda 0.2 data/fashion
