#!/bin/sh
# The shared library from Python, which has no C compiler's view of the headers: by ctypes, and by cffi, which reads both.
. "$(dirname "$0")/common.sh"
command -v python3 >/dev/null || {
    echo "skipped: there is no python3"
    exit 77
}
[ -e "$TOOLS/libcenterloss.so" ] || {
    echo "skipped: there is no shared library"
    exit 77
}
succeed python3 "$SOURCE/tests/consumers/python_ctypes.py" "$SOURCE/include" "$TOOLS/libcenterloss.so"
says "^ctypes: 1[0-9]* of 120 right"
if python3 -c "import cffi" 2>/dev/null; then
    succeed python3 "$SOURCE/tests/consumers/python_cffi.py" "$SOURCE/include" "$TOOLS/libcenterloss.so"
    declared=$(cat "$SOURCE"/include/*.h | grep -c '^CEN_API')
    says "^cffi: $declared functions, 1[0-9]* of 120 right"
else
    echo "no cffi here: python_cffi.py was not run"
fi
if python3 -c "import numpy" 2>/dev/null; then
    succeed python3 "$SOURCE/tests/consumers/python_gallery.py" "$TOOLS/libcenterloss.so"
    says "^numpy: 5 rows of a gallery"
else
    echo "no numpy here: python_gallery.py was not run"
fi

finish
