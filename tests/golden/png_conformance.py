"""Writes png_conformance.tsv: for each PNG below the folder of test data (the argument) the size,
the channels and the CRC-32 of the RGBA pixels that libpng gives, or "refused", and where Pillow
differs, why.

    /usr/bin/python3 png_conformance.py FOLDER > png_conformance.tsv
"""
import os
import sys

from png_reference import libpng, pillow

FOLDERS = ("conformance_png", "conformance_wuffs", "fuzz_gofuzz/png")


def chunks(data):
    """(name, begin, end) of each chunk; end may lie behind the data."""
    at = 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 8], at, at + 12 + size
        at += 12 + size


def is_cut_in(data, name):
    return any(found == name and end > len(data) for found, _, end in chunks(data))


def why_pillow_differs(data, ours, error, theirs, refusal):
    names = [name for name, _, _ in chunks(data)]
    if theirs and not ours:
        if "CRC" in error:
            return "refused for the CRC of IDAT, which Pillow does not check"
        if "PLTE" in error:
            return "refused for its missing palette; Pillow makes up a grey one"
        if error == "Read Error":
            return "refused, cut short in IDAT; Pillow stops reading when it has the last pixel"
        return f"refused ({error}), which Pillow does not look at"
    if ours and not theirs:
        if "Truncated File Read" in refusal:
            return "cut short behind the picture; Pillow wants the whole chunk"
        return "an ancillary chunk is damaged; libpng ignores it, Pillow refuses the file"
    if b"tRNS" in names and data[25] == 0:
        return "Pillow compares the grey of tRNS, in the file's depth, with samples of 8 bits"
    if data[25] == 3:
        return "indices beyond the palette are black, as in libpng; in Pillow they are grey levels"
    raise SystemExit("a difference that nobody has explained")


def main(root):
    print("# path\twidth\theight\tchannels\tCRC-32 of RGBA | refused\tremark")
    paths = []
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(root, folder)):
            paths += [os.path.join(where, name) for name in names
                      if name.endswith(".png") or folder.startswith("fuzz")]
    for path in sorted(os.path.relpath(path, root) for path in paths):
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        ours, error = libpng(data)
        theirs, refusal = pillow(data)
        remarks = []
        if ours and error:
            # All pixels are there. What is missing behind the last IDAT is tolerated with a warning.
            if is_cut_in(data, b"IDAT") or error != "Read Error":
                ours = None
            else:
                remarks.append("cut short behind the picture: a warning")
        if (ours and (ours.width, ours.height, ours.crc)) != (
                theirs and (theirs.width, theirs.height, theirs.crc)):
            remarks.append(why_pillow_differs(data, ours, error, theirs, refusal))
        cells = ["%d\t%d\t%d\t%08x" % ours[:4] if ours else "0\t0\t0\trefused"]
        print("\t".join([path, *cells, "; ".join(remarks)]))


main(sys.argv[1])
