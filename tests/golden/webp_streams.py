"""WebP files put together bit by bit from drawn numbers: everything that a stream may say, also what no encoder writes.
Used by webp_files.py and by tests/fuzz/corpus.py."""
import struct


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(*chunks):
    data = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def number24(value):
    return struct.pack("<I", value)[:3]


def vp8x(flags, width, height):
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + number24(width - 1) + number24(height - 1))


def anmf(x, y, width, height, *chunks, flags=0):
    head = b"".join(map(number24, (x // 2, y // 2, width - 1, height - 1, 100)))
    return chunk(b"ANMF", head + bytes([flags]) + b"".join(chunks))


ANIM = chunk(b"ANIM", struct.pack("<IH", 0xff4080c0, 0))


# ---- VP8L


class Bits:
    def __init__(self):
        self.value, self.size = 0, 0

    def put(self, value, n):
        self.value |= value << self.size
        self.size += n

    def bytes(self):
        return self.value.to_bytes((self.size + 7) // 8, "little")


def draw_lengths(rng, n_symbols, wanted, most=15):
    """Lengths of a complete code for `wanted` of n_symbols symbols, one of them below 256."""
    leaves = [0]
    while len(leaves) < wanted:
        i = rng.randrange(len(leaves)) if rng.random() < .7 else leaves.index(max(leaves))
        if leaves[i] == most:
            i = leaves.index(min(leaves))
        leaves[i] += 1
        leaves.append(leaves[i])
    symbols = [rng.randrange(min(n_symbols, 256))]
    symbols += rng.sample([s for s in range(n_symbols) if s != symbols[0]], wanted - 1)
    return dict(zip(symbols, leaves))


def codes_of(lengths):
    """symbol -> (reversed code, length)"""
    code, at, out = 0, 0, {}
    for length, symbol in sorted((length, symbol) for symbol, length in lengths.items()):
        code <<= length - at
        at = length
        out[symbol] = int(format(code, "b").zfill(length)[::-1], 2) if length else 0, length
        code += 1
    return out


def put_code(rng, bits, n_symbols, wanted):
    """Draws a code, writes it, and returns it."""
    lengths = draw_lengths(rng, n_symbols, wanted)
    if wanted <= 2 and max(lengths) < 256 and rng.random() < .8:
        first, *rest = sorted(lengths)
        is_wide = first > 1 or rng.random() < .5
        bits.put(1 | (wanted - 1) << 1 | is_wide << 2, 3)
        bits.put(first, 8 if is_wide else 1)
        for symbol in rest:
            bits.put(symbol, 8)
        return codes_of(lengths)
    if wanted == 1:
        lengths = {symbol: rng.randint(1, 15) for symbol in lengths}
    order = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    of_lengths = codes_of({s: 5 if s < 13 or s > 16 else 4 for s in range(19) if s not in (11,)} if False else
                          {s: 4 if s < 13 else 5 for s in range(19)})
    bits.put(0, 1)
    bits.put(15, 4)
    for s in order:
        bits.put(of_lengths[s][1], 3)
    row = [lengths.get(s, 0) for s in range(n_symbols)]
    words, i, previous = [], 0, 8
    while i < n_symbols:
        run = 1
        while i + run < n_symbols and row[i + run] == row[i]:
            run += 1
        if row[i] == 0 and run >= 3 and rng.random() < .9:
            run = min(run, 138)
            words.append((17, run - 3, 3) if run < 11 else (18, run - 11, 7))
        elif row[i] == previous and run >= 3 and row[i] != 0 and rng.random() < .9:
            run = min(run, 6)
            words.append((16, run - 3, 2))
        else:
            run = 1
            words.append((row[i], 0, 0))
            previous = row[i] or previous
        i += run
    while len(words) > 2 and words[-1][0] in (0, 17, 18):  # zeros at the end need no words
        words.pop()
    n = len(words)
    if 2 <= n <= n_symbols:
        n_bits = rng.choice([b for b in range(2, 18, 2) if (n - 2) >> b == 0])
        bits.put(1, 1)
        bits.put((n_bits - 2) // 2, 3)
        bits.put(n - 2, n_bits)
    else:
        words += [(0, 0, 0)] * (n_symbols - n)
        bits.put(0, 1)
    for symbol, extra, n_extra in words:
        bits.put(*of_lengths[symbol])
        bits.put(extra, n_extra)
    return codes_of({s: 0 for s in lengths} if wanted == 1 else lengths)


def amount(symbol, extra):
    return symbol + 1 if symbol < 4 else (2 + (symbol & 1) << (symbol - 2 >> 1)) + extra + 1


def put_pixels(rng, bits, width, height, cache_bits, groups, region):
    """Draws what a picture's symbols are. region(x, y): the group there."""
    at, n, seen = 0, width * height, False
    while at < n:
        green, red, blue, alpha, distance = groups[region(at % width, at // width)]
        symbol = rng.choice(list(green))
        literals = [s for s in green if s < 256]
        extra = n_extra = 0
        if 256 <= symbol < 280:
            n_extra = max(0, (symbol - 258) >> 1)
            extra = rng.randrange(1 << n_extra)
            place = rng.choice(list(distance))
            n_place = max(0, (place - 2) >> 1)
            place_extra = rng.randrange(1 << n_place)
            # A distance of at most the pixels so far, whatever place it names; 8 more are enough.
            far = amount(place, place_extra)
            far = far - 120 if far > 120 else 8 * width + 8
            if amount(symbol - 256, extra) > n - at or far > at:
                symbol = rng.choice(literals)
        if symbol >= 280 and not seen:
            symbol = rng.choice(literals)
        bits.put(*green[symbol])
        if symbol < 256:
            for code in (red, blue, alpha):
                bits.put(*code[rng.choice(list(code))])
            at += 1
        elif symbol < 280:
            bits.put(extra, n_extra)
            bits.put(*distance[place])
            bits.put(place_extra, n_place)
            at += amount(symbol - 256, extra)
        else:
            at += 1
        seen = True


def put_picture(rng, bits, width, height, is_main, busy):
    cache_bits = rng.choice([0, 0, rng.randint(1, 11)])
    bits.put(cache_bits > 0, 1)
    if cache_bits:
        bits.put(cache_bits, 4)
    n_groups, region = 1, lambda x, y: 0
    if is_main:
        has_regions = rng.random() < .5
        bits.put(has_regions, 1)
        if has_regions:
            side_bits = rng.randint(2, 5)
            across, down = -(-width >> side_bits), -(-height >> side_bits)
            bits.put(side_bits - 2, 3)
            names = rng.sample(range(rng.choice([3, 300])), min(3, across * down))
            map_ = [rng.choice(names) for _ in range(across * down)]
            n_groups = max(map_) + 1
            bits.put(0, 1)  # a picture of literals: green has the low byte of a name, red the high one
            codes = [codes_of({s: 8 for s in range(256)}), codes_of({0: 1, 1: 1})]
            put_flat(bits, 280)
            put_two(bits, 0, 1)
            for _ in range(3):
                put_one(bits, 0)
            for name in map_:
                bits.put(*codes[0][name & 255])
                bits.put(*codes[1][name >> 8])
            region = lambda x, y: map_[(y >> side_bits) * across + (x >> side_bits)]
    groups = []
    for _ in range(n_groups):
        sizes = [280 + (1 << cache_bits if cache_bits else 0), 256, 256, 256, 40]
        most = busy if n_groups < 9 else 2
        groups.append([put_code(rng, bits, n, rng.choice([1, 2, min(n, most), rng.randint(1, min(n, most))])) for n in sizes])
    put_pixels(rng, bits, width, height, cache_bits, groups, region)


def put_one(bits, symbol):
    bits.put(1 | 4, 3)
    bits.put(symbol, 8)


def put_two(bits, first, second):
    bits.put(1 | 2 | 4, 3)
    bits.put(first, 8)
    bits.put(second, 8)


def put_flat(bits, n_symbols):
    """A code of 256 symbols of 8 bits; those that follow have none."""
    bits.put(0, 1)
    bits.put(8, 4)
    for s in (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8):
        bits.put(1 if s in (0, 8) else 0, 3)
    bits.put(0, 1)
    for s in range(n_symbols):
        bits.put(s < 256, 1)


def lossless_stream(rng, width, height, transforms, busy=40):
    """What follows the header of VP8L, or of a packed ALPH."""
    bits = Bits()
    for kind in transforms:
        bits.put(1, 1)
        bits.put(kind, 2)
        if kind in (0, 1):
            side_bits = rng.randint(2, 4)
            bits.put(side_bits - 2, 3)
            put_picture(rng, bits, -(-width >> side_bits), -(-height >> side_bits), False, 256 if kind == 0 else busy)
        elif kind == 3:
            n = rng.choice([1, 2, 3, 4, 5, 16, 17, 200, 256])
            bits.put(n - 1, 8)
            put_picture(rng, bits, n, 1, False, busy)
            width = -(-width >> (0 if n > 16 else 1 if n > 4 else 2 if n > 2 else 3))
    bits.put(0, 1)
    put_picture(rng, bits, width, height, True, busy)
    return bits.bytes()


def vp8l(rng, width, height, transforms, has_alpha=1, busy=40):
    head = struct.pack("<BI", 0x2f, width - 1 | height - 1 << 14 | has_alpha << 28)
    return chunk(b"VP8L", head + lossless_stream(rng, width, height, transforms, busy))


# ---- VP8


class Bool:
    """The boolean encoder of RFC 6386, section 7.3."""

    def __init__(self):
        self.out, self.range, self.bottom, self.left = [], 255, 0, 24

    def put(self, bit, probability=128):
        split = 1 + ((self.range - 1) * probability >> 8)
        if bit:
            self.bottom += split
            self.range -= split
        else:
            self.range = split
        while self.range < 128:
            self.range <<= 1
            if self.bottom >> 31 & 1:
                i = len(self.out) - 1
                while self.out[i] == 255:
                    self.out[i] = 0
                    i -= 1
                self.out[i] += 1
            self.bottom = self.bottom << 1 & 0xffffffff
            self.left -= 1
            if self.left == 0:
                self.out.append(self.bottom >> 24)
                self.bottom &= 0xffffff
                self.left = 8

    def number(self, value, n):
        for i in range(n - 1, -1, -1):
            self.put(value >> i & 1)

    def optional(self, value, n):
        self.put(value != 0)
        if value:
            self.number(abs(value), n)
            self.put(value < 0)


def vp8(rng, width, height, updates, quantizer=None, level=None):
    """A frame with a drawn header and drawn bytes for modes and coefficients. updates: the chances [1056] of RFC 6386
    that a probability of coefficients is given."""
    b = Bool()
    r = rng.random
    b.number(rng.randrange(4), 2)
    has_segments = r() < .5
    b.put(has_segments)
    if has_segments:
        has_map, has_data = r() < .8, r() < .8
        b.put(has_map)
        b.put(has_data)
        if has_data:
            b.put(r() < .5)
            for _ in range(4):
                b.optional(rng.choice([0, rng.randint(-40, 127)]), 7)
            for _ in range(4):
                b.optional(rng.choice([0, rng.randint(-20, 63)]), 6)
        for _ in range(3 if has_map else 0):
            p = rng.choice([None, rng.randint(1, 255)])
            b.put(p is not None)
            if p is not None:
                b.number(p, 8)
    b.put(r() < .3)
    b.number(rng.choice([0, rng.randrange(64), rng.randrange(64)]) if level is None else level, 6)
    b.number(rng.choice([0, rng.randrange(8)]), 3)
    has_deltas = r() < .5
    b.put(has_deltas)
    if has_deltas:
        has_update = r() < .8
        b.put(has_update)
        for _ in range(8 if has_update else 0):
            b.optional(rng.choice([0, rng.randint(-40, 40)]), 6)
    partition_bits = rng.randrange(4)
    b.number(partition_bits, 2)
    b.number(rng.randrange(40) if quantizer is None else quantizer, 7)
    for _ in range(5):
        b.optional(rng.choice([0, rng.randint(-15, 15)]), 4)
    b.put(r() < .5)
    some = r() < .5
    for chance in updates:
        is_given = some and r() < (256 - chance) / 400
        b.put(is_given, chance)
        if is_given:
            b.number(rng.randint(1, 255), 8)
    skips = r() < .6
    b.put(skips)
    if skips:
        b.number(rng.randint(1, 255), 8)
    n = -(-width // 16) * -(-height // 16)
    first = bytes(b.out) + rng.randbytes(n * 16 + 20)
    # No encoder begins a partition with a byte of 255, which is beyond the range.
    parts = [bytes([rng.randrange(255)]) + rng.randbytes(n * 400 // (1 << partition_bits) + 400) for _ in range(1 << partition_bits)]
    sizes = b"".join(number24(len(p)) for p in parts[:-1])
    head = number24(len(first) << 5 | 1 << 4 | rng.randrange(4) << 1) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return chunk(b"VP8 ", head + first + sizes + b"".join(parts))
