#!/bin/sh
# Packages for machines without a compiler. Installs what is missing on Debian or Ubuntu, and builds in a folder
# of its own. Run from anywhere:
#     sh tools/package.sh deb        build-deb/*.deb: the tools, the library, and what is needed to build on it
#     sh tools/package.sh static     build-static/tools: the tools, each one file that needs no other (musl)
#     sh tools/package.sh windows    build-windows/*.zip: tools, DLL, headers (MinGW)
set -eu
cd "$(dirname "$0")/.."
. tools/packages.sh
kind=${1:-}
build=build-$kind
need cmake cmake
need make make

# build OPTION...: configures and builds for release.
build() {
    install_missing
    cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release "$@"
    cmake --build "$build" -j "$(getconf _NPROCESSORS_ONLN)"
}

case $kind in
deb)
    need cc gcc libc6-dev
    need dpkg-shlibdeps dpkg-dev
    build -DCMAKE_INSTALL_PREFIX=/usr
    (cd "$build" && cpack -G DEB)
    ;;
static)
    need musl-gcc musl-tools gcc libc6-dev
    build -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_EXE_LINKER_FLAGS=-static
    cmake --install "$build" --component tools --strip --prefix "$build/tools"
    ;;
windows)
    need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
    build -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=x86_64-w64-mingw32-gcc \
        -DCMAKE_RC_COMPILER=x86_64-w64-mingw32-windres -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_SHARED_LINKER_FLAGS=-static
    (cd "$build" && cpack -G ZIP)
    ;;
*)
    echo "usage: sh tools/package.sh deb|static|windows" >&2
    exit 2
    ;;
esac
