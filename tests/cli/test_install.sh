#!/bin/sh
# The C example of src/README.md, built outside of the tree and run: from an installed prefix through find_package
# and pkg-config (static and shared), in C and in C++, and as a part of another project's build.
. "$(dirname "$0")/common.sh"
BUILD=$TOOLS

succeed cmake --install "$BUILD" --prefix "$WORK/prefix"
PREFIX=$WORK/prefix
library=$(dirname "$(find "$PREFIX" -name 'libcenterloss.so' | head -n 1)")
[ -d "$library" ] || complain "no shared library is installed"
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE/src/README.md" >example.c
[ "$(grep -c main example.c)" -eq 1 ] || complain "src/README.md holds no C example"

# What is installed works in another place: nothing names the folders or the runtime of the build machine.
grep -rIlF -e "$SOURCE" -e "$BUILD" -e "$PREFIX" -e /usr/ "$PREFIX" >named.txt
[ -s named.txt ] && complain "these name folders of the build machine: $(cat named.txt)"
mv prefix moved
PREFIX=$WORK/moved
library=$PREFIX/${library#"$WORK/prefix/"}

# What a packager collects below DESTDIR is the same, and nothing is beside it.
succeed env DESTDIR="$WORK/collected" cmake --install "$BUILD" --prefix /usr
[ "$(ls collected)" = usr ] || complain "DESTDIR got more than the prefix: $(ls collected)"
diff -r collected/usr moved || complain "an installation below DESTDIR is another"

# `uninstall` removes all of it and nothing else, once; folders stay but for those that are only ours.
find collected -type d ! -path '*/centerloss' | sort >folders.txt
touch collected/usr/include/other.h
succeed env DESTDIR="$WORK/collected" cmake --build "$BUILD" --target uninstall
[ "$(find collected ! -type d)" = collected/usr/include/other.h ] || complain "left: $(find collected ! -type d)"
find collected -type d | sort | diff folders.txt - || complain "other folders than those of others are left"
DESTDIR="$WORK/collected" cmake --build "$BUILD" --target uninstall >out.txt 2>&1 && complain "uninstalled twice"
says "nothing was installed"

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
succeed cmake -S by-cmake -B by-cmake/shared -DCMAKE_PREFIX_PATH="$PREFIX" -DBUILD_SHARED_LIBS=ON
succeed cmake --build by-cmake/shared
succeed by-cmake/shared/example
cmp -s out.txt first.txt || complain "the shared library of the CMake package gives another result"

# host FOLDER LINE...: a project that has the sources within its own, and finds its own settings as it left them.
host() {
    mkdir "$1"
    cat >"$1/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.16)
project(host C)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_FLAGS "-O0") # compiles fast
set(CMAKE_C_FLAGS_RELEASE "-O1")
$2
foreach(is "CMAKE_C_STANDARD=11" "CMAKE_C_FLAGS_RELEASE=-O1" "CMAKE_BUILD_TYPE=" "CMAKE_C_FLAGS=-O0" "BUILD_TESTING=")
  string(REGEX MATCH "^[^=]*" name "\${is}")
  if(NOT is STREQUAL "\${name}=\${\${name}}")
    message(FATAL_ERROR "\${name} is now \${\${name}}")
  endif()
endforeach()
if(TARGET cl_train)
  message(FATAL_ERROR "the tools are built, too")
endif()
add_executable(example ../example.c)
target_link_libraries(example PRIVATE centerloss::centerloss)
EOF
    succeed cmake -S "$1" -B "$1/build"
}
host added "add_subdirectory(\"$SOURCE\" centerloss)"

mkdir "its sources"
cp -R "$SOURCE/CMakeLists.txt" "$SOURCE/include" "$SOURCE/src" "its sources"
host "fetched it" "include(FetchContent)
FetchContent_Declare(centerloss SOURCE_DIR \"$WORK/its sources\")
FetchContent_MakeAvailable(centerloss)"
succeed cmake --build "fetched it/build" -j 2
succeed "fetched it/build/example"
cmp -s out.txt first.txt || complain "the library in another project gives another result"
succeed cmake --install "fetched it/build" --prefix "$WORK/nothing"
[ -e nothing ] && complain "it installs itself with another project: $(find nothing)"

export PKG_CONFIG_PATH="$library/pkgconfig"
succeed cc -std=c99 example.c $(pkg-config --cflags --libs centerloss) -lm -o by-pkg-config
LD_LIBRARY_PATH=$library succeed ./by-pkg-config
cmp -s out.txt first.txt || complain "the shared library gives another result"
succeed cc -std=c99 example.c $(pkg-config --cflags centerloss) "$library/libcenterloss.a" \
    $(pkg-config --static --libs centerloss | sed 's/-lcenterloss//') -o by-archive
succeed ./by-archive
cmp -s out.txt first.txt || complain "the static library gives another result"
succeed cc -static -std=c99 example.c $(pkg-config --static --cflags --libs centerloss) -o whole
succeed ./whole
cmp -s out.txt first.txt || complain "a static program gives another result"

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

# ---- ldconfig runs for a library in the system's folders, and only then ----
mkdir -p fake
printf '#!/bin/sh\necho "$*" >>"%s/ran"\n' "$WORK" >fake/ldconfig
chmod +x fake/ldconfig
end_of_install() { # PREFIX [NAME=VALUE]
    rm -f ran
    succeed env "PATH=$WORK/fake:$PATH" "${2:-A=}" cmake -DCMAKE_INSTALL_PREFIX="$1" -P "$SOURCE/tools/package/ldconfig.cmake"
}
end_of_install /usr/local
[ -e ran ] || complain "the loader does not find what was installed into /usr/local"
end_of_install "$WORK/prefix"
[ ! -e ran ] || complain "ldconfig runs for a folder that it does not read"
end_of_install /usr "DESTDIR=$WORK/stage"
[ ! -e ran ] || complain "ldconfig runs when a package is made"
grep -q 'tools/package/ldconfig.cmake' "$TOOLS/cmake_install.cmake" || complain "install does not end by ldconfig"
finish
