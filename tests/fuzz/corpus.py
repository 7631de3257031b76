"""Makes the seed corpora: /usr/bin/python3 tests/fuzz/corpus.py FOLDER-OF-A-BUILD-WITH-TESTS

Small files of every kind of every format, from a picture that is computed here. JPEG is packed by
Pillow, a checkpoint is the one that replay_checkpoint writes, all others are put together byte by byte.
"""
import gzip
import hashlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def save(kind, name, data):
    folder = os.path.join(HERE, "corpus", kind)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def sample(x, y, c, most=255):
    return (x * 17 + y * 31 + c * 85 + x * y) % (most + 1)


# ---- PNG


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_rows(width, height, bits, random_):
    size = (width * bits + 7) // 8
    rows = b""
    for y in range(height):
        rows += bytes([random_.randrange(5)]) + bytes(sample(x, y, 0) & 63 for x in range(size))
    return rows


def png(color, depth, width, height, interlaced=0, trns=None, parts=1, level=9, before=b"", behind=b""):
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    random_ = random.Random(color * 100 + depth)
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for x, y, dx, dy in passes:
        w, h = (width - x + dx - 1) // dx, (height - y + dy - 1) // dy
        if w > 0 and h > 0:
            rows += png_rows(w, h, bits, random_)
    data = zlib.compress(rows, level)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    out += before
    if color == 3:
        out += chunk(b"PLTE", bytes(sample(i, 3, 1) for i in range(3 * min(2**depth, 16))))
    if trns:
        out += chunk(b"tRNS", trns)
    step = (len(data) + parts - 1) // parts
    for i in range(0, len(data), step):
        out += chunk(b"IDAT", data[i : i + step])
    return out + behind + chunk(b"IEND", b"")


def exif(orientation, big):
    if big:
        return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, orientation, 0, 0)
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x112, 3, 1, orientation, 0, 0)


def make_png():
    kinds = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)]
    for color, depth in kinds:
        save("png", f"c{color}d{depth}.png", png(color, depth, 9, 5))
        save("png", f"c{color}d{depth}i.png", png(color, depth, 10, 9, interlaced=1))
    save("png", "trns_grey.png", png(0, 4, 7, 3, trns=b"\0\x05"))
    save("png", "trns_rgb.png", png(2, 8, 7, 3, trns=b"\0\x05\0\x06\0\x07"))
    save("png", "trns_palette.png", png(3, 8, 7, 3, trns=b"\0\x7f\xff"))
    save("png", "parts.png", png(2, 8, 12, 12, parts=5))
    save("png", "stored.png", png(2, 8, 12, 12, level=0))
    save("png", "fixed.png", png(0, 8, 2, 2))
    text = chunk(b"tEXt", b"Title\0a picture") + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 500))
    text += chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"\0" * 300)) + chunk(b"gAMA", struct.pack(">I", 45455))
    save("png", "chunks.png", png(2, 8, 4, 4, before=text, behind=chunk(b"tIME", b"\x07\xe0\1\1\0\0\0")))
    save("png", "turned.png", png(2, 8, 5, 3, before=chunk(b"eXIf", exif(6, True))))
    save("png", "turned_behind.png", png(0, 8, 5, 3, behind=chunk(b"eXIf", exif(8, False))))
    for i in range(15):  # kind, width - 1, height - 1, interlaced, size of tRNS, rows
        bits = [1, 2, 4, 8, 16, 24, 48, 1, 2, 4, 8, 16, 32, 32, 64][i]
        rows = b"".join(bytes([y % 5]) + bytes(sample(x, y, i) for x in range((8 * bits + 7) // 8)) for y in range(6))
        save("png", f"rows{i}", bytes([i, 7, 4, 0, 0]) + rows)
        save("png", f"rows{i}i", bytes([i, 7, 2, 1, 2 if i in (0, 1, 2, 3, 4) else 6 if i in (5, 6) else 0]) + rows * 2)


# ---- JPEG


def picture(mode, width, height):
    n = len(mode) if mode != "L" else 1
    return Image.frombytes(mode, (width, height), bytes(sample(x, y, c) for y in range(height) for x in range(width) for c in range(n)))


def jpeg(mode="RGB", width=17, height=11, **options):
    out = io.BytesIO()
    picture(mode, width, height).save(out, "JPEG", **{"quality": 60, "optimize": True, **options})
    return out.getvalue()


def with_restarts(data, interval):
    """The same headers with a restart interval; the data then lack their markers, as damaged files do."""
    at = data.index(b"\xff\xda")
    return data[:at] + b"\xff\xdd\0\x04" + struct.pack(">H", interval) + data[at:]


def make_jpeg():
    save("jpeg", "grey.jpg", jpeg("L"))
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        save("jpeg", f"rgb{name}.jpg", jpeg(subsampling=sampling))
        save("jpeg", f"rgb{name}p.jpg", jpeg(subsampling=sampling, progressive=True))
    save("jpeg", "standard_tables.jpg", jpeg("L", 8, 8, optimize=False))
    save("jpeg", "grey_progressive.jpg", jpeg("L", progressive=True))
    save("jpeg", "cmyk.jpg", jpeg("CMYK"))
    save("jpeg", "cmyk_progressive.jpg", jpeg("CMYK", progressive=True))
    save("jpeg", "kept_rgb.jpg", jpeg(quality=90, keep_rgb=True))
    save("jpeg", "one.jpg", jpeg("RGB", 1, 1))
    save("jpeg", "wide.jpg", jpeg("L", 70, 2))
    save("jpeg", "restarts.jpg", jpeg("RGB", 33, 20, restart_marker_blocks=1))
    save("jpeg", "restarts_progressive.jpg", jpeg("RGB", 33, 20, progressive=True, restart_marker_rows=1))
    save("jpeg", "restarts_missing.jpg", with_restarts(jpeg("L", 40, 9), 2))
    save("jpeg", "cut.jpg", jpeg(progressive=True)[:-150])
    for orientation in (3, 6):
        save("jpeg", f"turned{orientation}.jpg", jpeg("L", 9, 5, exif=b"Exif\0\0" + exif(orientation, orientation == 3)))
    wide = bytearray(jpeg("RGB", 40, 24, subsampling=2, optimize=False))
    at = wide.index(b"\xff\xc0")
    wide[at + 11] = 0x41  # luma 4x1: an unusual sampling over the same data
    save("jpeg", "sampling41.jpg", bytes(wide))
    wide[at + 11], wide[at + 14], wide[at + 17] = 0x22, 0x21, 0x12
    save("jpeg", "sampling_mixed.jpg", bytes(wide))
    scan = jpeg("L", 8, 8, progressive=True)
    save("jpeg", "second_frame.jpg", scan[:-2] + scan[2:])


# ---- BMP and PNM


def bmp(bits, compression, header_size, data, width=5, height=3, colors=b"", masks=b""):
    if header_size == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header_size, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
        info += masks.ljust(header_size - 40, b"\0") if header_size > 40 else masks
    start = 14 + len(info) + len(colors)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + colors + data


def bmp_rows(bits, width=5, height=3):
    size = (width * bits + 31) // 32 * 4
    return bytes(sample(x, y, bits) for y in range(height) for x in range(size))


def make_bmp():
    for bits in (1, 4, 8):
        colors = bytes(sample(i, 1, 0) if i % 4 < 3 else 0 for i in range(4 * 2**bits))
        save("bmp", f"palette{bits}.bmp", bmp(bits, 0, 40, bmp_rows(bits), colors=colors))
    save("bmp", "grey8.bmp", bmp(8, 0, 40, bmp_rows(8), colors=b"".join(bytes([i, i, i, 0]) for i in range(256))))
    save("bmp", "core.bmp", bmp(4, 0, 12, bmp_rows(4), colors=bytes(range(48))))
    for bits in (16, 24, 32):
        save("bmp", f"raw{bits}.bmp", bmp(bits, 0, 40, bmp_rows(bits)))
    save("bmp", "top_down.bmp", bmp(24, 0, 40, bmp_rows(24), height=-3))
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    save("bmp", "fields565.bmp", bmp(16, 3, 40, bmp_rows(16), masks=masks))
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    save("bmp", "alpha_v4.bmp", bmp(32, 3, 108, bmp_rows(32), masks=masks))
    save("bmp", "alpha_v5.bmp", bmp(32, 3, 124, bmp_rows(32), masks=struct.pack("<IIII", 0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)))
    runs8 = b"\x03\x07\0\x03abc\0\0\0\0\0\x02\x01\x01\x02\x05\0\0\x05\x01\0\x01"
    runs4 = b"\x05\x12\0\0\0\x05\x12\x34\x50\0\0\0\0\x02\x02\0\x03\x77\0\x01"
    save("bmp", "runs8.bmp", bmp(8, 1, 40, runs8, colors=bytes(1024)))
    save("bmp", "runs4.bmp", bmp(4, 2, 40, runs4, colors=bytes(range(64))))


def make_pnm():
    save("pnm", "p1.pbm", b"P1\n# a comment\n3 2\n1 0 1\n010\n")
    save("pnm", "p2.pgm", b"P2 3 2 15\n1 2 3 # here too\n4 15 0\n")
    save("pnm", "p3.ppm", b"P3\n2 1\n255\n1 2 3\t4 5 255\n")
    save("pnm", "p4.pbm", b"P4\n9 2\n\xaa\x80\x55\0")
    save("pnm", "p5.pgm", b"P5\n3 2\n255\nabcdef")
    save("pnm", "p5_7.pgm", b"P5 3 1 7\n\0\x03\x07")
    save("pnm", "p5_16.pgm", b"P5 2 1 65535\nabcd")
    save("pnm", "p6.ppm", b"P6\n2 2\n255\nabcdefghijkl")
    save("pnm", "p6_16.ppm", b"P6 1 1 1000\n\0\1\2\3\1\2")


# ---- DEFLATE, JSON, safetensors


def raw_deflate(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return packer.compress(data) + packer.flush()


def make_inflate():
    text = b"".join(b"line %d of a text that repeats itself\n" % (i * i % 17) for i in range(40))
    save("inflate", "dynamic", raw_deflate(text))
    save("inflate", "fixed", raw_deflate(text[:90], strategy=zlib.Z_FIXED))
    save("inflate", "stored", raw_deflate(text[:200], 0))
    save("inflate", "huffman", raw_deflate(bytes(range(256)), strategy=zlib.Z_HUFFMAN_ONLY))
    save("inflate", "zeros", raw_deflate(bytes(60000)))
    save("inflate", "far", raw_deflate(bytes(random.Random(1).randrange(256) for i in range(300)) + bytes(32000) + text))
    packed = gzip.compress(text, mtime=0)
    save("inflate", "gzip", packed)
    save("inflate", "gzip_two", packed + gzip.compress(b"more", mtime=0))
    head = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\x02\0ab" + b"name\0comment\0" + b"\0\0"
    save("inflate", "gzip_fields", head + packed[10:])


def make_json():
    save("json", "all", b'{"a":[1,-2.5e-3,true,false,null],"b":{"c":"\\u00e4\\ud83d\\ude00\\n\\"\\\\"},"":[[],{}]}')
    save("json", "numbers", b"[0,-0,1e308,-1E-308,123456789012345678,9223372036854775807,-9223372036854775808,0.1]")
    save("json", "utf8", '["aä大😀","\u2028"]'.encode())
    save("json", "deep", b"[" * 60 + b"]" * 60)
    save("json", "blanks", b' \t\r\n{ "k" : [ ] , "l" : "" } ')


def safetensors(tensors, metadata, pad=True):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape) in tensors.items():
        count = 1
        for side in shape:
            count *= side
        size = count * {"F32": 4, "F64": 8, "F16": 2, "BF16": 2}[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += struct.pack("<f", 0.25)[:4].ljust(4, b"\0") * (size // 4) + bytes(size % 4)
    text = json.dumps(header, separators=(",", ":")).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def model_file(net, sides, tensors, **more):
    metadata = {"format": "centerloss 1", "net": net, "input": json.dumps(sides), "resize": "crop",
                "mean": json.dumps([0.5] * sides[0]), "std": json.dumps([0.25] * sides[0]), "classes": '["a","b"]'}
    metadata.update(more)
    return safetensors({k: ("F32", v) for k, v in tensors.items()}, metadata)


def make_model():
    head = {"head.weight": [2, 2], "head.bias": [2], "centers.weight": [2, 2]}
    save("model", "dense", model_file("flatten, dense 2", [1, 2, 2], {"body.1.weight": [2, 4], "body.1.bias": [2], **head}))
    save("model", "conv", model_file("conv 2 2x2 stride 1 pad 1, batchnorm, prelu, maxpool 2, gap, l2norm", [3, 2, 2], {
        "body.0.weight": [2, 3, 2, 2], "body.0.bias": [2], "body.1.weight": [2], "body.1.bias": [2], "body.2.weight": [2],
        "body.5.weight": [1], "body.1.running_mean": [2], "body.1.running_var": [2], **head}, resize="stretch", note="x"))
    save("model", "plain", model_file("flatten", [1, 2, 1], head))
    save("model", "init", safetensors({"body.0.weight": ("F32", [2, 1, 2, 2]), "body.0.bias": ("F64", [2]), "head.bias": ("F16", [2])}, None))
    save("model", "dtypes", safetensors({"a": ("F32", []), "b": ("F64", [1]), "c": ("F16", [3]), "d": ("BF16", [1, 1, 1, 2]), "e": ("F32", [0, 5])}, {"k": "v"}, False))
    save("model", "empty", safetensors({}, None))
    save("model", "lies", b"\x40\0\0\0\0\0\0\0" + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,99999999]}}   ')


def make_checkpoint(build):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(os.path.abspath(build), "tests", "fuzz", "replay_checkpoint")
        subprocess.run([program], cwd=folder, stdin=subprocess.DEVNULL, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "fuzz_genuine"), "rb") as file:
            genuine = file.read()
    save("checkpoint", "genuine", genuine)
    save("checkpoint", "cut", genuine[:-9])
    save("checkpoint", "other_options", genuine.replace(b'"seed":"1"', b'"seed":"2"'))
    save("checkpoint", "no_place", genuine.replace(b'"at.epoch":"1"', b'"at.epoch":"x"'))


# ---- features, IDX, net, options


def npy(descr, fortran, shape, data, version=1):
    head = str({"descr": descr, "fortran_order": fortran, "shape": shape}).encode()
    size = struct.pack("<H" if version == 1 else "<I", len(head) + 1)
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + b"\n" + data


def make_npy():
    for order in "<>":
        for kind in ("f4", "f8"):
            data = struct.pack(order + {"f4": "6f", "f8": "6d"}[kind], 1, 2.5, -3, 0, 1e-9, 7)
            save("npy", f"{'little' if order == '<' else 'big'}_{kind}", npy(order + kind, order == ">", (2, 3), data))
    save("npy", "none", npy("<f4", False, (0, 3), b""))
    save("npy", "version2", npy("<f4", False, (1, 1), b"\0\0\x80\x3f", 2))
    save("npy", "version3", npy("<f4", False, (1, 1), b"\0\0\x80\x3f", 3))
    save("npy", "nan", npy("<f4", False, (1, 1), b"\0\0\xc0\x7f"))
    save("npy", "flat", npy("<f4", False, (3,), bytes(12)))
    save("npy", "records", npy([("a", "<f4")], False, (2,), bytes(8)))
    save("npy", "python2", npy("<f4", False, (1, 2), bytes(8)).replace(b"(1, 2)", b"(1L,2L,)")[:10] + npy("<f4", False, (1, 2), bytes(8))[10:])
    save("npy", "huge", npy("<f4", False, (2**31, 2**31), b""))


def make_table():
    save("table", "csv", b"path,label,class,split,f0,f1\na/1.png,0,a,train,1.5,-2e-3\nb/2.png,1,b,val,0,3\n,-1,,,1,2\n")
    save("table", "csv_quotes", b'path,label,class,split,f0\r\n"a,""b""\nc",3,"x",test,1\r\n"",4,,,nan\r\n')
    save("table", "csv_infinite", b"path,label,class,split,f0\na,0,a,train,1e39\nb,0,a,train,inf\n")
    save("table", "tsv", b"trow\tpath\tlabel\tclass\tsplit\n0\ta/1.png\t0\ta\ttrain\n1\tb\\t\\n\\r\\\\\t1\t\t\n2\t\t-1\t\t\n")
    save("table", "tsv_none", b"trow\tpath\tlabel\tclass\tsplit\n")


def idx_pair(labels, images):
    return struct.pack(">H", len(labels)) + labels + images


def make_idx():
    labels = b"\0\0\x08\x01\0\0\0\x03\0\x01\x02"
    images = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02" + bytes(range(12))
    save("idx", "pair", idx_pair(labels, images))
    save("idx", "gzip", idx_pair(gzip.compress(labels, mtime=0), gzip.compress(images, mtime=0)))
    save("idx", "exchanged", idx_pair(images, labels))
    save("idx", "huge", idx_pair(labels, b"\0\0\x08\x03" + b"\xff" * 12))
    save("idx", "none", idx_pair(b"\0\0\x08\x01\0\0\0\0", b"\0\0\x08\x03\0\0\0\0\0\0\0\x02\0\0\0\x02"))


def make_net():
    lines = ["conv 10 2x2, maxpool 2, flatten, dense 32, relu", "conv 4 5x3 stride 2x1 pad 1, prelu, batchnorm, gap, l2norm",
             "conv 2 3x3 pad 2x1, batchnorm, relu, maxpool 2x2 stride 1, dropout 0.25, flatten, dense 3, l2norm scale 12.5",
             "small", "flatten", "conv 16777216 1x1, flatten", "conv 8 3x3, maxpol 2", "dense 4", ", ,", "relu\t,\nrelu , flatten"]
    lines += ["conv 4 1x1, residual {conv 4 3x3 pad 1, residual {relu}, batchnorm | conv 4 1x1, batchnorm}, relu, gap",
              "residual {residual {relu | prelu}, dropout 0.5}, residual{conv 2 1x1}, gap", "residual {relu | relu",
              "conv 4 3x3, relu6, conv 8 3x3 stride 2 pad 1 groups 4, gelu, maxpool 3 stride 2 pad 1, avgpool 2 pad 1, gap"]
    for i, line in enumerate(lines):
        save("net", f"line{i}", bytes([i % 2, 15, 12]) + line.encode())
    save("net", "resized", bytes([40, 7, 7]) + b"flatten, dense 2, relu")
    save("net", "many", bytes([0, 0, 0]) + b"relu," * 200 + b"flatten")


def make_options():
    lines = ["--lambda 0.2|photos", "--lambda=auto|--epochs=3|-b|32|x", "--mean|0.5,0.4,0.3|--std=0.2|--image-size|28x30|x",
             "--help", "--version", "--lamda|1", "-Z", "--quiet=1", "--|--x|-", "--holdout-classes|0.2|--val-split|0.5|x",
             "--batch-size|99999999999999999999|x", "--lr|1e999", "--lr|nan", "--loss|triplet|--margin|0x1p-3|x", "-s64|-c3|d",
             "--augment|strong|--rotate|180|--flip|x", "--seed|1000000000000000000|x", "--image-size|65536x65537"]
    for i, line in enumerate(lines):
        save("options", f"line{i}", line.replace("|", "\n").encode())


# ---- GIF, TIFF and WebP: some of the small files that the tests of the decoders read


def golden(kind, names):
    with open(os.path.join(HERE, "..", "golden", kind + ".bin"), "rb") as file:
        while line := file.readline().split():
            data = file.read(int(line[-2]))
            file.seek(int(line[-1]), 1)
            if line[0].decode() in names:
                save(kind, line[0].decode() + "." + kind, data)


def make_gif():
    golden("gif", ["bits1", "bits4", "local2", "interlaced8", "interlaced5", "transparent", "no_palette", "grey_transparent", "smaller_than_canvas",
                   "smaller_transparent", "beyond_canvas", "canvas_of_0", "second_picture", "zeros_between", "no_strings", "flat", "indices_of_one_bit"])


def make_tiff():
    golden("tiff", ["grey1", "white4", "rgb4", "grey12", "rgb9", "palette1", "palette4", "lzw_flat", "zlib_flat", "orientation6", "orientation6_big",
                    "packbits1_uint16_little", "lzw2_uint16_big", "zlib2_uint8_little_tiles", "zlib3_float32_big", "none1_float32_little", "fill_order_zip",
                    "grey_alpha_planar", "rgba_multiplied", "cmyk", "big_big", "strips_of_a_row", "jpeg_grey_tiles", "jpeg_planar", "jpeg_ycc_strips"])


def make_webp():
    golden("webp", ["alpha_f0_c0_q100", "alpha_f1_c1_q100", "alpha_f2_c0_q100", "alpha_f2_c0_q30", "alpha_f2_c1_q30",
                   "animation_alpha_not_said", "animation_no_alpha", "animation_placed_alpha", "exif_1", "exif_2", "exif_3", "exif_8",
                   "exif_before", "exif_named", "exif_without_flag", "filter_0_0_normal", "filter_100_0_normal", "filter_100_0_simple",
                   "filter_60_3_normal", "lossless_1x1", "lossless_1x2", "lossless_alpha_without_flag", "lossy_17x15", "lossy_2x1",
                   "lossy_2x2", "lossy_32x17", "lossy_3x5", "lossy_q0_m0", "lossy_q20_m0", "lossy_q60_m0", "lossy_q90_m4",
                   "packed_alpha_8", "palette_1", "palette_16", "palette_17", "palette_2", "palette_3", "partitions_4", "raw_alpha_12",
                   "raw_alpha_4", "segments_4", "stream_0123_6", "stream_0_6", "stream_1_100", "stream_2_100", "stream_2_6",
                   "stream_3_100", "xmp"])


# ---- galleries, put together from what src/format/gallery_file.h says


def gallery_array(at, descr, shape, data):
    """An array whose data begin at a multiple of 64 if its header is at `at`."""
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    size = -(-(at + 10 + len(head) + 1) // 64) * 64 - at
    return b"\x93NUMPY\x01\0" + struct.pack("<H", size - 10) + head.ljust(size - 11) + b"\n" + data


def digest(data):
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def gallery_segment(start, first_row, first_name, d, rows, names, text, negatives=(), state=b"", more=""):
    """rows: (number of the name, place of the source, features)."""
    text = text.ljust(-(-len(text) // 64) * 64, b"\0")
    arrays = [("'|u1'", f"({len(state)},)", state),
              ("'<f4'", f"({len(rows)}, {d})", b"".join(struct.pack(f"<{d}f", *row[2]) for row in rows)),
              ("[('name', '<u4'), ('source', '<u8'), ('digest', '|u1', (16,))]", f"({len(rows)},)",
               b"".join(struct.pack("<IQ", row[0], row[1]) + bytes(range(16)) for row in rows)),
              ("'<u8'", f"({len(negatives)},)", struct.pack(f"<{len(negatives)}Q", *negatives)),
              ("'<u8'", f"({len(names)},)", struct.pack(f"<{len(names)}Q", *names)),
              ("'|u1'", f"({len(text)},)", text)]
    body = b""
    for array in arrays:
        body += gallery_array(len(body), *array)
    rest = (f'", "format": "centerloss gallery 1", "metric": "l2", "d": {d}{more}, "start": {start}, "first_row": {first_row}, '
            f'"first_name": {first_name}, "rows": {len(rows)}, "negatives": {len(negatives)}, "names": {len(names)}, '
            f'"text": {len(text)}, "state": {len(state)}, "body": "{digest(body) if start > 0 else ""}"}}').encode()
    head = b'{"checksum": "'
    size = -(-(len(head) + 32 + len(rest) + 1) // 64) * 64
    rest = rest.ljust(size - len(head) - 33) + b"\n"
    return gallery_array(0, "'|u1'", f"({size},)", head + digest(rest).encode() + rest) + body


def make_gallery():
    save("gallery", "empty", gallery_segment(0, 0, 0, 2, [], [], b"\0"))
    first = gallery_segment(0, 0, 0, 2, [(0, 5, (1, 2)), (1, 0, (3, -4)), (0, 7, (0.5, 0))], [1, 3],
                            b"\0a\0b\0s\0t\0", negatives=[1], state=b"state",
                            more=', "model": "a/model", "fingerprint": null, "known": {"distance": 0.5, "false_accepts": 0.01, '
                                 '"low": 0, "high": 0.1, "n_pictures": 10, "n_strangers": 2}')
    save("gallery", "one", first)
    second = gallery_segment(len(first), 3, 2, 2, [(2, 0, (5, 6)), (0, 3, (7, 8))], [1], b"\0c\0u\0", negatives=[0])
    save("gallery", "two", first + second)
    save("gallery", "three", first + second + gallery_segment(len(first + second), 5, 3, 2, [], [], b"\0", state=b"other"))
    save("gallery", "unfinished", first + second[:700])
    save("gallery", "bad_name", gallery_segment(0, 0, 0, 1, [(7, 0, (1,)), (0, 1 << 40, (1,))], [1 << 50], b"\0a\0"))
    save("gallery", "nan", gallery_segment(0, 0, 0, 1, [(0, 0, (float("nan"),))], [1], b"\0a\0"))


def main():
    make_gallery()
    make_png()
    make_jpeg()
    make_bmp()
    make_gif()
    make_tiff()
    make_webp()
    make_pnm()
    make_inflate()
    make_json()
    make_model()
    make_checkpoint(sys.argv[1])
    make_npy()
    make_table()
    make_idx()
    make_net()
    make_options()


main()
