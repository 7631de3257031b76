#!/usr/bin/python3
"""gzip files and what Python's zlib and gzip make of them (inflate_gzip.bin), and raw DEFLATE
streams, most of them damaged, with zlib's verdict (inflate_raw.bin): a name, then the size and the
CRC-32 of the content, or 0 and 1 where zlib refuses it or wants more.
tests/golden/inflate.py writes both."""
import gzip
import io
import random
import zlib

import image_cases

rng = random.Random(11)


def texts():
    words = [bytes(rng.choices(b"etaoinshrdlu ,.", k=rng.randint(1, 9))) for _ in range(60)]
    yield "empty", b""
    yield "one", b"x"
    yield "zeros", bytes(70000)
    yield "words", b" ".join(rng.choices(words, k=900))
    yield "noise", rng.randbytes(900)
    yield "skewed", bytes(min(int(rng.expovariate(0.02)), 255) for _ in range(3000))
    yield "far", rng.randbytes(500) + bytes(32268 - 258) + bytes(range(256)) + rng.randbytes(2)
    part = rng.randbytes(600)
    yield "window", part + bytes(32768 - 600) + part
    for period in range(1, 20):
        yield f"period{period}", (rng.randbytes(period) * 300)[:rng.randint(250, 300)]


def pack(data, level, strategy=zlib.Z_DEFAULT_STRATEGY, wbits=-15, flush=0):
    packer = zlib.compressobj(level, zlib.DEFLATED, wbits, 9, strategy)
    if flush:
        out = b"".join(packer.compress(data[i:i + flush]) + packer.flush(zlib.Z_FULL_FLUSH)
                       for i in range(0, len(data), flush))
        return out + packer.flush()
    return packer.compress(data) + packer.flush()


def gzip_cases():
    for name, data in texts():
        yield name, pack(data, 9, wbits=31), data
    words = dict(texts())["words"]
    named = io.BytesIO()
    with gzip.GzipFile("a name.txt", "wb", 9, named, 0) as file:
        file.write(words)
    yield "named", named.getvalue(), words
    plain = pack(words, 6, wbits=31)
    fields = b"\x03\x00abc" + b"name\x00" + b"comment\x00"
    header = plain[:3] + bytes([4 | 8 | 16 | 2]) + plain[4:10] + fields
    full = header + (zlib.crc32(header) & 0xffff).to_bytes(2, "little") + plain[10:]
    yield "all-fields", full, words
    yield "members", plain + pack(b"", 6, wbits=31) + pack(b"more", 6, wbits=31), words + b"more"


def verdict(stream):
    unpacker = zlib.decompressobj(-15)
    try:
        data = unpacker.decompress(stream)
    except zlib.error:
        return 0, 1
    return (len(data), zlib.crc32(data)) if unpacker.eof else (0, 1)


def raw_cases():
    streams = []
    for name, data in texts():
        for kind, stream in (("fixed", pack(data, 9, zlib.Z_FIXED)), ("dynamic", pack(data, 9)),
                             ("huffman", pack(data, 9, zlib.Z_HUFFMAN_ONLY)), ("stored", pack(data, 0)),
                             ("flushed", pack(data[:400], 6, flush=150))):
            if len(stream) < 700:
                streams.append((f"{name}-{kind}", stream))
    for name, stream in streams:
        yield name, verdict(stream), stream
    for i in range(900):
        name, stream = rng.choice(streams)
        stream = bytearray(stream[:rng.randint(1, 400)] if i % 3 == 0 else stream[:400])
        # Most damage to the headers of blocks, where the codes are.
        for _ in range(rng.randint(1, 3)):
            place = min(int(rng.expovariate(0.03)), len(stream) - 1)
            stream[place] ^= 1 << rng.randrange(8)
        yield f"damaged{i}-{name}", verdict(bytes(stream)), bytes(stream)


raw = [case for case in raw_cases() if len(case[2]) < 160 or not case[0].startswith("damaged")]
print(sum(v == (0, 1) for _, v, _ in raw), "of", len(raw), "are refused")
image_cases.write("inflate_raw.bin", [(name, numbers, stream, b"") for name, numbers, stream in raw])
gz = list(gzip_cases())
for name, packed, data in gz:
    assert gzip.decompress(packed) == data, name
image_cases.write("inflate_gzip.bin", [(name, (len(data), zlib.crc32(data)), packed, b"")
                                       for name, packed, data in gz])
