# Sourced by tests/run.sh and tools/quickstart.sh: finds what is missing and installs it on Debian or Ubuntu.
missing=

# need PROGRAM PACKAGE...: these packages are missing if there is no such program.
need() {
    command -v "$1" >/dev/null || { shift; missing="$missing $*"; }
}

# install_missing: as root or with sudo; else it names the command for an administrator and ends.
install_missing() {
    [ -n "$missing" ] || return 0
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    command -v apt-get >/dev/null || {
        echo "These packages (by Debian's names) are missing:$missing" >&2
        exit 1
    }
    [ -z "$as_root" ] || command -v sudo >/dev/null || {
        echo "These packages are missing:$missing" >&2
        echo "You are not root, and there is no sudo here. Ask an administrator to run" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    }
    $as_root apt-get update
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
