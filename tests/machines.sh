#!/bin/sh
# What the README says to run, on bare Debian systems: makes a chroot of each (debootstrap), copies the
# checkout in, and runs there
#     both                      as a plain user without sudo: must name the command for an administrator
#     sh tools/quickstart.sh    as root, then as a plain user
#     sh tests/run.sh           as root, then, with PLAIN=1, as a plain user
# Prints one table. Needs root and debootstrap.
#     sh tests/machines.sh [bookworm|trixie|testing]...
# MACHINES names a folder for the chroots, outside of the checkout, that is kept; MIRROR another mirror; STEPS
# those of tests/run.sh to run, which are all.
set -eu
cd "$(dirname "$0")/.."
SOURCE=$PWD
MIRROR=${MIRROR:-http://deb.debian.org/debian}
[ $# -gt 0 ] || set -- bookworm trixie testing
[ "$(id -u)" -eq 0 ] || { echo "$0: chroots are made by root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "$0: apt-get install debootstrap" >&2; exit 1; }
if [ -z "${MACHINES:-}" ]; then
    MACHINES=$(mktemp -d)
    scratch=$MACHINES
fi
root=
trap '[ -z "$root" ] || leave; [ -z "${scratch:-}" ] || rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$MACHINES"
MACHINES=$(cd "$MACHINES" && pwd)

leave() { ! mountpoint -q "$root/proc" || umount "$root/proc"; }

# bare SUITE: a chroot without a compiler, and a plain user in it, copied from one that is kept: what an
# earlier run installed is gone. Its mirror may be a snapshot of last year.
bare() {
    kept=$MACHINES/$1.bare
    if [ ! -e "$kept/made" ]; then
        rm -rf --one-file-system "$kept"
        debootstrap --variant=minbase "$1" "$kept" "$MIRROR" >"$MACHINES/$1.debootstrap.log"
        touch "$kept/made"
    fi
    leave
    rm -rf --one-file-system "$root"
    cp -a --reflink=auto "$kept" "$root"
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/99machines"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    [ -e "$root/dev/fd" ] || ln -s /proc/self/fd "$root/dev/fd"
    chroot "$root" useradd -m -s /bin/sh plain
    for to in checkout home/plain/checkout; do
        mkdir "$root/$to"
        (cd "$SOURCE" && git ls-files -z | tar --null -T - -cf -) | tar -xf - --no-same-owner -C "$root/$to"
    done
    chroot "$root" chown -R plain: /home/plain/checkout
}

# inside USER COMMAND LOG: in that user's checkout, with /proc; the exit code is in $code.
inside() {
    home=/checkout
    [ "$1" = root ] || home=/home/plain/checkout
    mountpoint -q "$root/proc" || mount --bind /proc "$root/proc"
    code=0
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        su "$1" -s /bin/sh -c "cd $home && $2" >"$MACHINES/$3" 2>&1 </dev/null || code=$?
    leave
}

verdict() { [ "$code" -eq 0 ] && echo ok || echo "exit $code"; }

count() { grep -cE "Test +#.*$1" "$log" || true; }

failed_tests() { grep -oE '#[0-9]+: .*\*\*\*(Failed|Timeout|Exception|Not Run)' "$log" | sort | uniq || true; }

first_version() { chroot "$root" "$1" --version | head -n 1 | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1; }

suite() { # USER
    inside "$1" "sh tests/run.sh ${STEPS:-}" "$machine.run.$1.log"
    log=$MACHINES/$machine.run.$1.log
    tests="$(verdict): $(count '  Passed ') / $(count '\*\*\*(Failed|Timeout|Exception|Not Run)') / $(count '\*\*\*Skipped')"
    failed_tests >&2
}

{
    echo "| machine | gcc | clang | clang-format | no rights | quickstart, root | quickstart, user | run.sh, root: passed / failed / skipped | run.sh, user |"
    echo "|---|---|---|---|---|---|---|---|---|"
} >"$MACHINES/table"
for machine; do
    echo "== $machine" >&2
    root=$MACHINES/$machine
    bare "$machine"
    rights=ok
    for script in tools/quickstart.sh tests/run.sh; do
        inside plain "sh $script" "$machine.norights.log"
        grep -q 'apt-get install -y' "$MACHINES/$machine.norights.log" || code=99
        [ "$code" -eq 1 ] || rights="$script: exit $code"
    done
    inside root "sh tools/quickstart.sh" "$machine.quickstart.root.log"
    as_root=$(verdict)
    inside plain "sh tools/quickstart.sh" "$machine.quickstart.plain.log"
    as_plain=$(verdict)
    suite root
    of_root=$tests tests=-
    [ -z "${PLAIN:-}" ] || suite plain
    echo "| $machine $(cat "$root/etc/debian_version") | $(first_version gcc) | $(first_version clang) |" \
        "$(first_version clang-format) | $rights | $as_root | $as_plain | $of_root | $tests |" >>"$MACHINES/table"
done
cat "$MACHINES/table"
! grep -qE 'exit [0-9]+' "$MACHINES/table"
