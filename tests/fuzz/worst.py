#!/usr/bin/python3
"""Searches the file of each kind that takes the most time or memory for its bytes and pixels.

    tests/fuzz/worst.py BUILD SECONDS OUT [KIND ...]

BUILD/tests/fuzz/worst measures. For SECONDS a kind files are drawn from the generators below, which know what is
dear in a kind, and the best of them are changed, in their parameters and in single bytes. A file that is
read counts, and one that is refused. Printed, and kept in OUT, is the worst by three measures: time for a byte of the
file and a pixel (pictures only), memory over the limit of tools/README.md, and time for a byte of the file."""
import os
import random
import re
import struct
import subprocess
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "golden"))
import webp_streams as streams

with open(os.path.join(HERE, "../../src/image/webp_lossy_tables.c")) as table:
    UPDATES = list(map(int, re.findall(r"\d+", table.read().split("updates[4][8][3][11] =")[1].split(";")[0])))


def marker(code, data):
    return b"\xff" + bytes([code]) + struct.pack(">H", len(data) + 2) + data


def huffman(kind, symbols):
    """Codes of 1, 2, 3 ... bits."""
    return marker(0xc4, bytes([kind]) + bytes([1 if i < len(symbols) else 0 for i in range(16)]) + bytes(symbols))


def jpeg(p):
    n = p["components"]
    progressive = p["progressive"]
    out = b"\xff\xd8" + marker(0xdb, b"\0" + bytes([p["quant"]]) * 64)
    if p["restart"]:
        out += marker(0xdd, struct.pack(">H", p["restart"]))
    out += marker(0xc2 if progressive else 0xc0, struct.pack(">BHHB", 8, p["height"], p["width"], n) + b"".join(
        bytes([i + 1, p["h"] << 4 | p["v"] if i == p["large"] % n else 0x11, 0]) for i in range(n)))
    out += huffman(0, p["dc"]) + huffman(0x10, p["ac"])
    blocks = (p["width"] + 7) // 8 * ((p["height"] + 7) // 8)
    names = b"".join(bytes([i + 1, 0]) for i in range(n))
    out += marker(0xda, bytes([n]) + names + (b"\0\0\0" if progressive else b"\0\x3f\0"))
    data = bytes([p["fill"]]) * (int(blocks * n * p["bits"]) // 8 + 1)
    out += data.replace(b"\xff", b"\xff\0")
    for i in range(p["scans"] if progressive else 0):
        component = bytes([1, i % n + 1, 0])
        if p["refine"] and i:
            high = max(1, 10 - i)
            out += marker(0xda, component + bytes([1, 63, high << 4 | (high - 1)]))
        else:
            out += marker(0xda, component + bytes([1, 63, 10 if p["refine"] else 0]))
        data = bytes([p["ac_fill"]]) * int(1 + blocks * p["ac_bits"] / 8)
        out += data.replace(b"\xff", b"\xff\0")
    return out + b"\xff\xd9"


def draw_jpeg():
    r = random.random
    side = random.choice([8, 64, 512, 1024, 2048])
    return {"components": random.choice([1, 3, 3, 4]), "progressive": r() < .7, "quant": random.randint(1, 255),
            "restart": random.choice([0, 0, 1, 7]), "width": random.choice([1, 17, side, side]), "height": side,
            "h": random.randint(1, 4), "v": random.randint(1, 4), "large": random.randint(0, 3),
            "dc": random.choice([[0], [0, 11], [11, 0], [5, 0]]),
            "ac": random.choice([[0], [0xe0], [0xe0, 1], [1, 0xe0], [1, 0], [0xf0, 1], [0xa, 0], [0x11, 0, 0xe0]]),
            "fill": random.randint(0, 255), "bits": random.choice([.5, 1, 2, 8, 40]), "scans": random.choice([0, 1, 9, 99]),
            "refine": r() < .5, "ac_fill": random.randint(0, 255), "ac_bits": random.choice([0, .01, .1, 1, 4])}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(p):
    kind, depth = p["kind"]
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    row = bytes([p["filter"]]) + bytes([p["fill"]]) * ((p["width"] * bits + 7) // 8)
    if p["noise"]:
        row = bytes([p["filter"]]) + random.Random(1).randbytes(len(row) - 1)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", p["width"], p["height"], depth, kind, 0, 0, p["interlace"]))
    if kind == 3:
        out += chunk(b"PLTE", bytes(3 * (1 << depth))) + (chunk(b"tRNS", b"\0") if p["alpha"] else b"")
    elif p["alpha"] and kind in (0, 2):
        out += chunk(b"tRNS", bytes(2 if kind == 0 else 6))
    for i in range(p["texts"]):
        out += chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\n\n\n" + b"0" * 100000))
    rows = row * (p["height"] * (2 if p["interlace"] else 1))
    deflate = zlib.compressobj(p["level"], zlib.DEFLATED, -15, 9, p["strategy"])
    data = b"".join(deflate.compress(rows[i:i + p["flush"]]) + deflate.flush(zlib.Z_FULL_FLUSH)
                    for i in range(0, len(rows), p["flush"])) + deflate.flush()
    data = b"\x78\1" + p["empty"] * p["empties"] + data + struct.pack(">I", zlib.adler32(rows))
    step = p["piece"]
    out += b"".join(chunk(b"IDAT", data[i:i + step]) for i in range(0, len(data), step))
    return out + chunk(b"IEND", b"")


def empty_dynamic():
    """A block of Huffman codes of which only the last is used: full tables for nothing."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return deflate.compress(bytes(range(256)) + b"\0" * 30) + deflate.flush(zlib.Z_FULL_FLUSH)


def draw_png():
    side = random.choice([1, 8, 64, 512, 2048])
    return {"kind": random.choice([(0, 1), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]),
            "width": random.choice([1, 3, side, side]), "height": side, "filter": random.randint(0, 4),
            "fill": random.randint(0, 255), "noise": random.random() < .4, "interlace": random.randint(0, 1),
            "alpha": random.randint(0, 1), "texts": random.choice([0, 0, 1, 50]), "level": random.choice([0, 1, 9]),
            "strategy": random.randint(0, 4), "flush": random.choice([16, 300, 1 << 20, 1 << 20]),
            "empty": random.choice([b"\0\0\0\xff\xff", b"\2\0", empty_dynamic()]),
            "empties": random.choice([0, 0, 1000, 100000]) if side < 64 else 0, "piece": random.choice([1, 7, 1000, 1 << 20, 1 << 20])}


def bmp(p):
    bits, compression = p["kind"]
    colors = bytes(4 << bits) if bits <= 8 else b""
    row = (p["width"] * bits + 31) // 32 * 4
    if compression in (1, 2):
        data = {"runs": b"\xff\1" * (p["width"] * p["height"] // 255 + 1), "ones": b"\1\1" * (p["width"] * p["height"] // 2),
                "rows": b"\0\0" * p["height"], "moves": b"\0\2\0\0" * p["width"] * (p["height"] // 8),
                "over": (b"\xff\1" * 100 + b"\0\0") * p["height"]}[p["runs"]] + b"\0\1"
    else:
        data = bytes([p["fill"]]) * (row * p["height"])
    masks = b"" if compression != 3 else struct.pack("<III", *p["masks"])
    offset = 54 + len(colors) + len(masks)
    return (b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + struct.pack(
        "<IiiHHIIiiII", 40, p["width"], p["height"], 1, bits, compression, len(data), 0, 0, 0, 0) + masks + colors + data + bytes(p["tail"]))


def draw_bmp():
    side = random.choice([1, 8, 100, 1000])
    return {"kind": random.choice([(1, 0), (4, 0), (8, 0), (8, 1), (4, 2), (16, 0), (16, 3), (24, 0), (32, 3)]),
            "width": random.choice([1, side, side]), "height": side, "fill": random.randint(0, 255), "tail": random.choice([0, 0, 1 << 22]),
            "masks": random.choice([(0x7c00, 0x3e0, 0x1f), (0xff0000, 0xff00, 0xff), (0x7ff80000, 0x7ff00, 0xff)]),
            "runs": random.choice(["runs", "ones", "rows", "moves", "over"])}


def pnm(p):
    n = p["width"] * p["height"] * (3 if p["kind"] in "36" else 1)
    head = b"P%s %s%d %d%s" % (p["kind"].encode(), b"#" + b"x" * p["comment"] + b"\n" if p["comment"] else b"", p["width"], p["height"],
                               b"" if p["kind"] in "14" else b" %d" % p["maximum"])
    if p["kind"] in "123":
        word = p["space"] + (b"1" if p["kind"] == "1" else b"%d" % min(p["maximum"], p["value"]))
        return head + b"\n" + word * n
    size = (p["width"] + 7) // 8 * p["height"] if p["kind"] == "4" else n * (2 if p["maximum"] > 255 else 1)
    return head + b"\n" + bytes([p["fill"]]) * size


def draw_pnm():
    side = random.choice([1, 8, 100, 1000])
    return {"kind": random.choice("123456"), "width": random.choice([1, side, side]), "height": side, "fill": random.randint(0, 255),
            "maximum": random.choice([1, 255, 256, 4095, 65535]), "value": random.choice([0, 9, 65535]),
            "comment": random.choice([0, 0, 100000]), "space": random.choice([b" ", b"\n\n\n", b" #c\n", b" " * 30])}


def codes(list_, bits, high_first):
    """LZW codes of one width, one after the other."""
    out, held, n = bytearray(), 0, 0
    for code in list_:
        held = held << bits | code if high_first else held | code << n
        n += bits
        while n >= 8:
            n -= 8
            out.append(held >> n if high_first else held & 255)
            held = held & ((1 << n) - 1) if high_first else held >> 8
    return bytes(out) + bytes([(held << (8 - n) if high_first else held) & 255])


def lzw(p, bits, high_first):
    """Clear codes only, literals only, or a clear code before each literal, of which the table is no wider."""
    clear, n = 1 << bits, min(p["codes"], 65536)
    pattern = {"clear": [clear], "literals": [0, 1, 2], "both": [clear, 1], "growing": [1] * 300}[p["lzw"]]
    return codes((pattern * (n // len(pattern) + 1))[:n] + [clear + 1], bits + 1, high_first)


def gif(p):
    bits, flags = p["bits"], 0x80 | (p["bits"] - 1)
    out = b"GIF89a" + struct.pack("<HHBBB", p["canvas"], p["canvas"], flags, 0, 0) + bytes(range(0, 3 << bits)[:256]) * 8
    out = out[:13 + (3 << bits)] + (b"!\xf9\4\1\0\0\1\0" if p["transparent"] else b"")
    out += (b"!\xfe" + (bytes([p["block"]]) + bytes(p["block"])) * p["comments"] + b"\0") + b"\0" * p["zeros"]
    out += b"," + struct.pack("<HHHHB", p["left"], 0, p["width"], p["height"], 0x40 * p["interlaced"]) + bytes([bits])
    data = lzw(p, bits, False)
    for i in range(0, len(data), p["block"]):
        out += bytes([len(data[i:i + p["block"]])]) + data[i:i + p["block"]]
    return out + b"\0;"


def draw_gif():
    side = random.choice([1, 8, 100, 1000])
    return {"bits": random.randint(2, 8), "canvas": random.choice([0, side, 2 * side]), "left": random.choice([0, 0, side]), "width": random.choice([1, side, side]),
            "height": side, "interlaced": random.randint(0, 1), "transparent": random.randint(0, 1), "block": random.choice([1, 2, 255]),
            "comments": random.choice([0, 0, 20000]), "zeros": random.choice([0, 0, 1000000]), "codes": random.choice([1, side * side, 65536]),
            "lzw": random.choice(["clear", "literals", "both", "growing"])}


def tiff(p):
    bits, photometric, samples, compression = p["bits"], *p["kind"], p["compression"]
    width, height, rows = p["width"], p["height"], min(p["rows"], p["height"])
    tile = p["tile"] and [p["tile"], p["tile"]]
    across, down = [(width + tile[0] - 1) // tile[0], (height + tile[1] - 1) // tile[1]] if tile else [1, (height + rows - 1) // rows]
    planes = samples if p["planar"] else 1
    n = min(across * down * planes, 300000)
    size = ((tile[0] if tile else width) * (1 if p["planar"] else samples) * bits + 7) // 8 * (tile[1] if tile else rows)
    size = min(size, 1 << 22)
    if compression == 5:
        data = lzw(p, 8, True)
    elif compression == 7:
        data = jpeg({**draw_jpeg(), "components": 1 if p["planar"] else samples, "width": tile[0] if tile else width, "height": tile[1] if tile else rows})
    elif compression == 8:
        data = b"\x78\1" + (p["empty"] * p["empties"])[:65536] + zlib.compress(bytes([p["fill"]]) * size, p["level"], wbits=-15)
    elif compression == 32773:
        data = {"noop": b"\x80" * min(p["codes"], 65536), "runs": bytes([129, p["fill"]]) * (size // 128 + 1), "literals": b"\0\1" * size,
                "long": (b"\x7f" + bytes(128)) * (size // 128 + 1)}[p["packed"]]
        data = data[:1 << 20] + bytes([129, 0]) * (size // 128 + 1)
    else:
        data = bytes([p["fill"]]) * size
    data += bytes(p["tail"])
    step = len(data) if p["apart"] else 0
    if n * step > 1 << 22:
        step = 0
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples), (259, 3, [compression]), (262, 3, [photometric]), (266, 3, [p["fill_order"]]),
            (274, 3, [p["turned"]]), (277, 3, [samples]), (284, 3, [2 if p["planar"] else 1]), (317, 3, [p["predictor"]]), (339, 3, [3 if bits == 32 else 1] * samples)]
    if photometric == 3:
        tags.append((320, 3, [0] * (3 << bits) if bits <= 8 else [0]))
    if samples in (2, 4) and photometric != 5:
        tags.append((338, 3, [p["extra"]]))
    places = [0] * n
    tags += [(322, 4, [tile[0]]), (323, 4, [tile[1]]), (324, 4, places), (325, 4, [len(data)] * n)] if tile else \
            [(273, 4, places), (278, 4, [rows]), (279, 4, [len(data)] * n)]
    tags += [(60000 + i, 3, [0]) for i in range(p["others"])]
    values, entries = b"", b""
    at = 8 + 2 + 12 * len(tags) + 4
    start = at + sum(len(v) * (2 if t == 3 else 4) for _, t, v in tags)
    for tag, kind, list_ in sorted(tags):
        if list_ is places:
            list_ = [start + i * step for i in range(n)]
        packed = struct.pack("<%d%s" % (len(list_), "H" if kind == 3 else "I"), *list_)
        entries += struct.pack("<HHI", tag, kind, len(list_)) + (packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack("<I", at + len(values)))
        values += packed if len(packed) > 4 else b""
    values = values.ljust(start - at, b"\0")
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + values + data * (n if step else 1)


def draw_tiff():
    side = random.choice([1, 8, 100, 1000])
    return {"kind": random.choice([(0, 1), (1, 1), (1, 2), (2, 3), (2, 4), (3, 1), (5, 4), (6, 3)]), "bits": random.choice([1, 3, 8, 8, 8, 12, 16, 32]),
            "width": random.choice([1, side, side]), "height": random.choice([side, side, 30000]), "rows": random.choice([1, 1, 8, 100, 1 << 31]),
            "tile": random.choice([0, 0, 0, 16, 256, 1024]), "compression": random.choice([1, 5, 7, 8, 32773]), "planar": random.randint(0, 1),
            "predictor": random.randint(1, 3), "fill_order": random.choice([1, 1, 2]), "turned": random.choice([1, 1, 6]), "extra": random.randint(0, 2),
            "codes": random.choice([1, 100, side * side, 65536]), "lzw": random.choice(["clear", "literals", "both", "growing"]),
            "packed": random.choice(["noop", "runs", "literals", "long"]), "empty": random.choice([b"\0\0\0\xff\xff", empty_dynamic()]),
            "empties": random.choice([0, 0, 10, 10000]), "level": random.choice([0, 1, 9]), "fill": random.choice([0, 1, 255]), "tail": random.choice([0, 0, 1 << 16]),
            "apart": random.randint(0, 1), "others": random.choice([0, 0, 4000])}


def webp_groups(p, rng):
    """VP8L of one colour or few, in regions with as many groups of codes as there are."""
    bits = streams.Bits()
    side = p["side"]
    across = -(-side // 4)
    bits.put(0, 1)
    bits.put(p["cache"] > 0, 1)
    if p["cache"]:
        bits.put(p["cache"], 4)
    bits.put(1, 1)
    bits.put(0, 3)
    bits.put(0, 1)
    names = [min(i, p["groups"]) for i in range(across * across)]
    streams.put_flat(bits, 280)
    streams.put_flat(bits, 256)
    for _ in range(3):
        streams.put_one(bits, 0)
    for name in names:
        bits.put(int(format(name & 255, "08b")[::-1], 2), 8)
        bits.put(int(format(name >> 8, "08b")[::-1], 2), 8)
    for _ in range(names[-1] + 1):
        for n in (280 + (1 << p["cache"] if p["cache"] else 0), 256, 256, 256):
            if p["flat"]:
                streams.put_flat(bits, n)
            else:
                streams.put_one(bits, 1)
        streams.put_one(bits, 0)
    head = struct.pack("<BI", 0x2f, side - 1 | side - 1 << 14)
    return streams.chunk(b"VP8L", head + bits.bytes() + rng.randbytes(side * side * 4 if p["flat"] else 8))


def webp(p):
    rng = random.Random(p["seed"])
    side, kind = p["side"], p["kind"]
    if kind == "groups":
        return streams.riff(webp_groups(p, rng))
    if kind == "lossless":
        return streams.riff(streams.vp8l(rng, side, p["height"], rng.sample(range(4), p["transforms"]), 1, p["busy"]))
    if kind == "flat":
        bits = streams.Bits()
        for transform in rng.sample(range(3), p["transforms"] % 4):
            bits.put(1 | transform << 1, 3)
            for _ in range(transform < 2):
                bits.put(7, 3)
                bits.put(0, 1)
                for _ in range(5):
                    streams.put_one(bits, p["mode"])
        bits.put(0, 3)
        for _ in range(5):
            streams.put_one(bits, 3)
        return streams.riff(streams.chunk(b"VP8L", struct.pack("<BI", 0x2f, side - 1 | side - 1 << 14) + bits.bytes() + bytes(8)))
    frame = streams.vp8(rng, side, p["height"], UPDATES)
    if kind == "frame":
        return streams.riff(frame)
    alpha = bytes([13]) + streams.lossless_stream(rng, side, p["height"], [], p["busy"])
    return streams.riff(streams.vp8x(16, side, p["height"]), streams.chunk(b"ALPH", alpha), frame)


def draw_webp():
    kind = random.choice(["groups", "lossless", "flat", "frame", "alpha"])
    sides = {"groups": [4, 16, 64, 128], "lossless": [4, 40, 90], "flat": [1, 64, 512, 2048], "frame": [16, 64, 200], "alpha": [16, 70]}[kind]
    return {"kind": kind, "side": random.choice(sides), "height": random.choice([1, sides[1]]), "seed": random.randrange(1000),
            "groups": random.choice([0, 9, 255, 65535]), "cache": random.choice([0, 1, 11]), "flat": random.random() < .5,
            "transforms": random.randint(0, 4), "busy": random.choice([3, 40, 256]), "mode": random.choice([0, 5, 11, 12, 13])}


# Texts: a beginning, a piece that comes again and again, an end; the pieces are drawn word by word.
WORDS = {
    "csv": (["path,label,class,split,f\n", "path,label,class,split,f,f,f,f\n", "path,label,class,split", "f,path,label,class,split\n"],
            ["\n", ",", ",0,,,0\n", "p,0,a,train,1\n", "\"", "\"\"", ",-1,,,1e-45\n", "a", "'\\t", "é", "0", "\xff", "\r\n", ",f", "#\n", ",#,,,0\n"]),
    "tsv": (["row\tpath\tlabel\tclass\tsplit\n", "row\tpath\tlabel\tclass\tsplit\tdigest\n"],
            ["\n", "\t", "0\t\t0\ta\t\n", "#\t\t#\t#\t\n", "#\tp\t-1\t\t\n", "\\t", "\\x41", "a", "\\", "\t0", "\xff"]),
    "list": (["", "path,label\n", "path;label;split\n", "path\tclass\tgroup\n", "\xef\xbb\xbf"],
             ["\n", ",", "x", "x\n", "x,a\n", "#,#\n", "x.pgm,a\n", "x.pgm\n", "\"", "\"\"\n", "x,#,val\n", "x,a,test\n", ",,,,,,,,", "\r\n", "/", "../", "x;a\n"]),
    "json": (["", "[", "{\"a\":[", "{"],
             ["0,", "[],", "{},", "[", "]", "{\"#\":0},", "\"#\":0,", "\"\\u0041\",", "\"", "1e9,", " ", "null,", "{\"a\":{", "}", "\"a\":"]),
    "net": (["", "conv 1 1x1, ", "flatten, "],
            ["relu,", "prelu,", "conv 1 1x1,", "batchnorm,", "maxpool 2,", "dropout 0.1,", "dense 1,", "flatten,", " ", "l2norm,", "conv 9 3x3 pad 1 stride 1,", "gap,",
             "{", "residual {", "}", "1", "conv 4096 9x9 pad 4,"]),
}


def latin(text):
    return text if isinstance(text, bytes) else bytes(b for c in text for b in ([ord(c)] if ord(c) < 256 else c.encode()))


def words(p):
    again = "".join(p["again"])
    if "#" in again:
        return latin(p["first"]) + b"".join(latin(again.replace("#", "%x" % i)) for i in range(p["n"])) + latin(p["last"])
    return latin(p["first"]) + latin(again) * p["n"] + latin(p["last"])


def draw_words(kind):
    first, again = WORDS[kind]
    return {"first": random.choice(first), "again": [random.choice(again) for _ in range(random.choice([1, 1, 2, 3, 5]))],
            "n": random.choice([1, 20, 300, 4100, 33000]), "last": random.choice(["", "", "\n", "]}", "]", "\"", "dense 2"])}


def npy(p):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }" % (p["type"], p["fortran"], p["n"], p["d"])
    head += " " * p["pad"] + "\n"
    count = b"\x01\0" + struct.pack("<H", len(head)) if len(head) < 65536 else b"\x02\0" + struct.pack("<I", len(head))
    return b"\x93NUMPY" + count + head.encode() + bytes([p["fill"]]) * (p["n"] * p["d"] * int(p["type"][2:]) + p["more"])


def draw_npy():
    return {"type": random.choice(["<f4", ">f4", "<f8", ">f8", "<f2", "<i4"]), "fortran": random.random() < .5, "pad": random.choice([0, 60000, 1000000]),
            "n": random.choice([1, 3, 1000, 70000, 262145]), "d": random.choice([1, 1, 2, 7, 100]), "fill": random.choice([0, 0, 1, 255]),
            "more": random.choice([0, 0, 0, 1, 1000])}


def model(p):
    head = {"words": lambda: words(p["text"]), "tensors": lambda: b'{"__metadata__":{"net":"' + b"relu," * p["layers"] + b'"}' + b"".join(
        b',"%x":{"dtype":"%s","shape":[%s],"data_offsets":[0,0]}' % (i, p["type"], b",".join([b"0"] * p["sides"])) for i in range(p["tensors"])) + b"}"}[p["kind"]]()
    return struct.pack("<Q", len(head)) + head + bytes(p["data"])


def draw_model():
    return {"kind": random.choice(["words", "tensors"]), "text": draw_words("json"), "layers": random.choice([0, 1, 100, 5000]),
            "tensors": random.choice([1, 100, 5000]), "type": random.choice([b"F32", b"F16", b"BF16", b"F64", b"I8"]), "sides": random.choice([0, 1, 4, 9, 100]),
            "data": random.choice([0, 4, 100000])}


def gzip(data):
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return deflate.compress(data) + deflate.flush()


def idx(p):
    data = struct.pack(">IIII", 0x800 + p["dims"], p["n"], p["side"], p["side"]) + bytes([p["fill"]]) * (p["n"] * p["side"] ** 2 + p["more"])
    if p["members"]:
        step = len(data) // p["members"] + 1
        data = b"".join(gzip(data[i:i + step]) for i in range(0, len(data), step)) + p["last"]
    return data


def draw_idx():
    return {"dims": random.choice([1, 3, 3]), "n": random.choice([1, 10, 1000, 70000]), "side": random.choice([1, 28, 200]) if random.random() < .5 else 4,
            "fill": random.choice([0, 255]), "more": random.choice([0, 1]), "members": random.choice([0, 1, 1, 2, 100]),
            "last": random.choice([b"", gzip(b""), b"\0" * 8, b"\xff" * 4])}


KINDS = {"jpeg": (draw_jpeg, jpeg), "png": (draw_png, png), "bmp": (draw_bmp, bmp), "pnm": (draw_pnm, pnm), "webp": (draw_webp, webp),
         "gif": (draw_gif, gif), "tiff": (draw_tiff, tiff),
         "npy": (draw_npy, npy), "model": (draw_model, model), "idx": (draw_idx, idx),
         **{kind: (lambda kind=kind: draw_words(kind), words) for kind in WORDS}}
# What worst_main reads a kind as, the ending of its file, and tools/README.md's limit of memory for its bytes.
MB = 1 << 20
READERS = {"csv": ("features", ".csv", lambda size: MB + 64 * size), "tsv": ("features", ".tsv", lambda size: MB + 64 * size),
           "npy": ("features", ".npy", lambda size: (1 << 16) + 16 * size), "model": ("model", ".safetensors", lambda size: 8 * MB + 64 * size),
           "list": ("list", ".csv", lambda size: MB + 256 * size), "idx": ("idx", ".idx", lambda size: MB + 3 * 1032 * 2 * size),
           "json": ("json", ".json", lambda size: (1 << 16) + 64 * size), "net": ("net", ".net", lambda size: (1 << 16) + 512 * size)}


def measures(kind, answer):
    took, memory, width, height, size = map(int, answer.split()[:5])
    if kind in READERS:
        return {"memory of the limit": memory / READERS[kind][2](size), "time for a byte": took / (size + 20000)}
    limit = max(2 * size, 1 << 16) + (1 << 20) + 16 * (width + 32) * (height + 32)
    return {"time for a byte and pixel": took / (size + width * height + 20000), "memory of the limit": memory / limit,
            "time for a byte": took / (size + 20000)}


def search(kind, seconds, out, measure):
    draw, make = KINDS[kind]
    best = {}
    reader, ending, _ = READERS.get(kind, ("picture", "", None))
    path = os.path.join(out, "candidate" + ending)
    name_of = {".tsv": path[:-4] + ".npy"}.get(ending, path)  # a .tsv is read with its .npy
    if kind == "tsv":
        with open(name_of, "wb") as file:
            file.write(npy({"type": "<f4", "fortran": False, "n": 5000, "d": 1, "pad": 0, "fill": 0, "more": 0}))
    end, n = time.time() + seconds, 0
    while time.time() < end:
        parameters = draw()
        if best and random.random() < .6:  # change a few parameters of one of the best
            old = random.choice(list(best.values()))[1]
            parameters = {key: parameters[key] if random.random() < .2 else old[key] for key in old}
        try:
            data = make(parameters)
        except (MemoryError, struct.error, ValueError):
            continue
        if len(data) > 1 << 23:
            continue
        if random.random() < .3:
            data = bytearray(data)
            for _ in range(random.choice([1, 3])):
                data[random.randrange(min(len(data), 700))] = random.randrange(256)
            data = bytes(data)
        with open(path, "wb") as file:
            file.write(data)
        n += 1
        answer = measure(reader, name_of, len(data))
        for name, value in measures(kind, answer).items():
            if name not in best or value > best[name][0]:
                value = min(value, measures(kind, measure(reader, name_of, len(data)))[name])  # a busy machine is no finding
                if name not in best or value > best[name][0]:
                    best[name] = (value, parameters, data, answer)
    for name, (value, parameters, data, answer) in best.items():
        file_name = kind + "_" + name.replace(" ", "_")
        with open(os.path.join(out, file_name), "wb") as file:
            file.write(data)
        unit = "" if name.startswith("memory") else " ns"
        print("%s, %s: %.2f%s of %d tried; %s\n  %s" % (kind, name, value, unit, n, answer.strip(), parameters), flush=True)
    os.remove(path)
    if name_of != path:
        os.remove(name_of)


def main():
    build, seconds, out = sys.argv[1], float(sys.argv[2]), os.path.abspath(sys.argv[3])
    os.makedirs(out, exist_ok=True)
    random.seed(1)
    with open(os.path.join(out, "x.pgm"), "wb") as file:  # of the lists
        file.write(b"P5 1 1 255\n0")
    tool = subprocess.Popen([os.path.join(os.path.abspath(build), "tests/fuzz/worst")], cwd=out, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(reader, path, size):
        tool.stdin.write(reader + " " + path + "\n")
        tool.stdin.flush()
        answer = tool.stdout.readline().split()
        answer[4] = str(size)  # also that of a .tsv, which is not the file that is named
        return " ".join(answer)

    for kind in sys.argv[4:] or KINDS:
        search(kind, seconds, out, measure)


main()
