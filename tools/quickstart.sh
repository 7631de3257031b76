#!/bin/sh
# Installs what is missing on Debian or Ubuntu, builds, and trains on data/fashion. Run from anywhere.
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh
need cmake cmake
need make make
need cc gcc libc6-dev
install_missing
cmake -S . -B build
cmake --build build -j "$(getconf _NPROCESSORS_ONLN)"
build/cl_train data/fashion
