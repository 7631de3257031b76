"""Digests of hashlib for tests/unit/test_digest.c.

    python3 tests/golden/blake2b.py > tests/golden/blake2b.h        (Python 3.11)

Byte i of a file is i * 7 + i / 256, modulo 256."""
import hashlib

print("/* Made by golden/blake2b.py: bytes of a file, and BLAKE2b of 16 bytes. */")
for size in (0, 1, 3, 127, 128, 129, 255, 256, 257, 1000, 65535, 65536, 65537, 131072, 200000):
    bytes_ = bytes((i * 7 + i // 256) % 256 for i in range(size))
    print(f'{{{size}, "{hashlib.blake2b(bytes_, digest_size=16).hexdigest()}"}},')
