#!/bin/sh
# cpack makes three packages of what this build folder has: each file with its rights, the fields that apt
# reads, and nothing that lintian finds. A build that installs into another place than Debian's is refused.
. "$(dirname "$0")/common.sh"
BUILD=$TOOLS
for program in cpack dpkg-deb dpkg-shlibdeps; do
    command -v $program >/dev/null || { echo "no $program here: not tested"; exit 77; }
done
[ -e "$BUILD/libcenterloss.so" ] || { echo "no shared library here: not tested"; exit 77; }
MULTIARCH=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

# A folder that is configured for Debian and has the files of this build, so that nothing is compiled again.
configure() { # FOLDER PREFIX
    succeed cmake -S "$SOURCE" -B "$1" -DCMAKE_INSTALL_PREFIX="$2" -DCMAKE_SKIP_INSTALL_ALL_DEPENDENCY=ON
    for file in "$BUILD"/cl_* "$BUILD"/libcenterloss.* "$BUILD"/pages; do
        [ ! -e "$file" ] || cp -R "$file" "$1/"
    done
}

# pack FOLDER: below a mask that would hide all files from others.
pack() { (umask 077 && cd "$1" && cpack -G DEB >log.txt 2>&1); }

configure elsewhere /usr/local
pack elsewhere && complain "packed what installs into /usr/local/lib"
grep -q 'Configure with -DCMAKE_INSTALL_PREFIX=/usr' elsewhere/log.txt || complain "no remedy in: $(cat elsewhere/log.txt)"

configure debian /usr
pack debian || complain "cpack: $(cat debian/log.txt)"
version=$(dpkg-parsechangelog -l "$SOURCE/tools/package/changelog" -S Version)
suffix=${version}_$(dpkg --print-architecture).deb

# contains PACKAGE: its files, links and folders are those of list.txt.
contains() {
    dpkg-deb --contents "debian/$1_$suffix" |
        awk '{ print $1, $2, $6 ($7 == "->" ? " -> " $8 : "") }' | LC_ALL=C sort -k 3 >got.txt
    sed "s|MULTIARCH|usr/lib/$MULTIARCH|" list.txt | awk '
        { mode = $NF ~ /\/$/ ? "drwxr-xr-x" : "-rw-r--r--" }
        $2 == "->" { print "lrwxrwxrwx root/root ./" $0; next }
        $1 ~ /^usr\/bin\/cl_/ { mode = "-rwxr-xr-x" }
        { print mode, "root/root ./" $1 }' | LC_ALL=C sort -k 3 >wanted.txt
    diff wanted.txt got.txt >diff.txt || complain "$1 has other files: $(cat diff.txt)"
}

# field PACKAGE NAME PATTERN
field() {
    dpkg-deb --field "debian/$1_$suffix" "$2" >field.txt
    grep -qE -- "$3" field.txt || complain "$1: $2 is '$(cat field.txt)', not '$3'"
}

documents() {
    printf '%s\n' usr/ usr/share/ usr/share/doc/ "usr/share/doc/$1/" "usr/share/doc/$1/copyright" \
        "usr/share/doc/$1/changelog.Debian.gz"
}

{
    documents centerloss-tools
    echo usr/bin/
    for tool in cl_export cl_features cl_idx cl_knn cl_train; do echo "usr/bin/$tool"; done
    [ ! -d "$BUILD/pages" ] || {
        for tool in cl_export cl_features cl_idx cl_knn cl_train; do
            printf '%s\n' "usr/share/man/man1/$tool.1.gz" "usr/share/bash-completion/completions/$tool" \
                "usr/share/zsh/vendor-completions/_$tool" "usr/share/fish/vendor_completions.d/$tool.fish"
        done
        for folder in man man/man1 bash-completion bash-completion/completions zsh zsh/vendor-completions fish \
            fish/vendor_completions.d; do
            echo "usr/share/$folder/"
        done
    }
} >list.txt
contains centerloss-tools
field centerloss-tools Depends '^libc6 \(>= [0-9.]+\)$'
field centerloss-tools Section '^science$'

{
    documents libcenterloss0
    printf '%s\n' usr/lib/ MULTIARCH/ 'MULTIARCH/libcenterloss.so.0 -> libcenterloss.so.0.1.0' \
        MULTIARCH/libcenterloss.so.0.1.0
} >list.txt
contains libcenterloss0
field libcenterloss0 Depends '^libc6 \(>= [0-9.]+\)$'
field libcenterloss0 Section '^libs$'
dpkg-deb --ctrl-tarfile "debian/libcenterloss0_$suffix" | tar tf - | sort | tr -d '\n' >out.txt
says '^(\./)?\./control\./md5sums\./shlibs\./triggers$'
dpkg-deb --info "debian/libcenterloss0_$suffix" triggers >out.txt && says '^activate-noawait ldconfig$'
dpkg-deb --info "debian/libcenterloss0_$suffix" shlibs >out.txt && says "^libcenterloss 0 libcenterloss0 \(>= ${version%-*}\)$"

{
    documents libcenterloss-dev
    printf '%s\n' usr/include/ usr/include/centerloss.h usr/include/centerloss_eval.h usr/lib/ MULTIARCH/ \
        'MULTIARCH/libcenterloss.so -> libcenterloss.so.0' MULTIARCH/libcenterloss.a MULTIARCH/pkgconfig/ \
        MULTIARCH/pkgconfig/centerloss.pc MULTIARCH/cmake/ MULTIARCH/cmake/centerloss/
    for file in config config-version targets "targets-$(ls debian/CMakeFiles/Export/*/centerloss-targets-*.cmake |
        sed 's/.*-targets-//; s/\.cmake//')"; do
        echo "MULTIARCH/cmake/centerloss/centerloss-$file.cmake"
    done
} >list.txt
contains libcenterloss-dev
field libcenterloss-dev Depends "^libcenterloss0 \(= $version\), libc6-dev$"
field libcenterloss-dev Section '^libdevel$'

for package in centerloss-tools libcenterloss0 libcenterloss-dev; do
    field $package Version "^$version$"
    field $package Maintainer '^The libcenterloss authors <[^ ]+@users.noreply[^ ]+>$'
    dpkg-deb --fsys-tarfile "debian/${package}_$suffix" | tar xf - -C "$WORK" "./usr/share/doc/$package/copyright"
    grep -q '^License: Expat$' "usr/share/doc/$package/copyright" || complain "$package names no license"
done

if command -v lintian >/dev/null; then
    lintian --allow-root debian/*.deb >out.txt 2>&1 || complain "lintian: $(cat out.txt)"
    ! grep '^[EW]:' out.txt || complain "lintian has something to say"
else
    echo "no lintian here: not tried"
fi

finish
