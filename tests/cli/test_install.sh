#!/bin/sh
# The README's C example, built outside of the tree from an installed prefix: once through find_package,
# once through pkg-config (static and shared), in C and in C++, and run.
. "$(dirname "$0")/common.sh"
BUILD=$TOOLS

succeed cmake --install "$BUILD" --prefix "$WORK/prefix"
PREFIX=$WORK/prefix
library=$(dirname "$(find "$PREFIX" -name 'libcenterloss.so' | head -n 1)")
[ -d "$library" ] || complain "no shared library is installed"
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE/README.md" >example.c
[ "$(grep -c main example.c)" -eq 1 ] || complain "README.md holds no C example"

mkdir by-cmake
cat >by-cmake/CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.16)
project(example C)
find_package(centerloss 0.1 REQUIRED)
add_executable(example ../example.c)
target_link_libraries(example PRIVATE centerloss::centerloss)
EOF
succeed cmake -S by-cmake -B by-cmake/build -DCMAKE_PREFIX_PATH="$PREFIX"
succeed cmake --build by-cmake/build
succeed by-cmake/build/example
says "k-NN"
cp out.txt first.txt

export PKG_CONFIG_PATH="$library/pkgconfig"
succeed cc -std=c99 example.c $(pkg-config --cflags --libs centerloss) -lm -o by-pkg-config
LD_LIBRARY_PATH=$library succeed ./by-pkg-config
cmp -s out.txt first.txt || complain "the shared library gives another result"
succeed cc -std=c99 example.c $(pkg-config --cflags centerloss) "$library/libcenterloss.a" \
    $(pkg-config --static --libs centerloss | sed 's/-lcenterloss//') -o by-archive
succeed ./by-archive
cmp -s out.txt first.txt || complain "the static library gives another result"

# the same example is C++, too
if command -v c++ >/dev/null; then
    cp example.c example.cpp
    succeed c++ -Wall -Wextra -Werror example.cpp $(pkg-config --cflags --libs centerloss) -lm -o by-c++
    LD_LIBRARY_PATH=$library succeed ./by-c++
    cmp -s out.txt first.txt || complain "the shared library gives another result in C++"
    succeed c++ -Wall -Wextra -Werror example.cpp $(pkg-config --cflags centerloss) "$library/libcenterloss.a" \
        $(pkg-config --static --libs centerloss | sed 's/-lcenterloss//') -o by-c++-archive
    succeed ./by-c++-archive
    cmp -s out.txt first.txt || complain "the static library gives another result in C++"
else
    echo "no C++ compiler here: not tried in C++"
fi

finish
