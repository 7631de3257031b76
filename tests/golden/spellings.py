"""Writes spellings.txt: two spellings of a name a line, for each letter that src/data/spelling.c covers, as the
Unicode data of Python have them; python3 tests/golden/spellings.py > tests/golden/spellings.txt"""

import unicodedata

COVERED = [*range(0x41, 0x5B), *range(0xC0, 0x180), *range(0x386, 0x3CF), *range(0x400, 0x460)]
# Letters whose small ones are two letters or of another block.
LEFT_OUT = "ßĸŉſ"


def key(text):
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


def pairs():
    for code in COVERED:
        letter = chr(code)
        if letter in LEFT_OUT or unicodedata.category(letter)[0] != "L":
            continue
        name = f"x{letter}y"
        if key(name) != name:
            yield code, name, key(name)


seen = {}
for code, name, other in pairs():
    seen.setdefault(other, []).append(name)
for other, names in seen.items():  # all spellings of one name differ by the key from the next
    names = [other, *sorted(names)]
    for one, two in zip(names, names[1:]):
        print(f"{one}\t{two}")
