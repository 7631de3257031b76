"""Writes jpeg_conformance.tsv: for each JPEG below the folder of test data (the argument) the size,
the channels and the CRC-32 of the pixels that libjpeg-turbo gives, or "refused", or "any" where there
is no one answer, and a remark that says why.

    /usr/bin/python3 jpeg_conformance.py FOLDER > jpeg_conformance.tsv

Needs Debian's python3-pil, python3-numpy and libjpeg-turbo-progs (djpeg).
"""
import os
import subprocess
import sys

from jpeg_reference import djpeg, pillow, without_simd

# Folders, and how many of their files are taken: every n-th.
FOLDERS = (("conformance_jpeg", 1), ("conformance_wuffs", 1), ("fuzz_gofuzz/jpeg", 1),
           ("fuzz_imagers_afl", 1), ("caltech20_dev", 1), ("cifar10_train_1000pc", 25))
ANY = "0\t0\t0\tany"
REFUSED = "0\t0\t0\trefused"


def arithmetic(data):
    """Whether the frame header is that of an arithmetic-coded file."""
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != 255 or marker in (0, 255):
            at += 1  # stray bytes are passed over
            continue
        if 0xc0 <= marker <= 0xcf and marker not in (0xc4, 0xcc) or marker == 0xda:
            return marker in (0xc9, 0xca)
        at += 2 if 0xd0 <= marker <= 0xd9 else 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return False


def answer(path):
    """(cells, remark) as this process's libjpeg-turbo has it."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:3] != b"\xff\xd8\xff":
        return None
    if arithmetic(data):
        return REFUSED, "arithmetic coding, which libjpeg-turbo reads"
    found, refusal, black = pillow(data)
    if found and not refusal:
        return "%d\t%d\t%d\t%08x" % found, ""
    picture, said = djpeg(path)
    if picture:
        remark = "cut short" if "truncated" in refusal else "damaged, Pillow refuses it"
        return "%d\t%d\t%d\t%08x" % picture, remark + "; the pixels are djpeg's"
    if found:
        return ANY, "cut short within a segment, which libjpeg fills with end markers: " + said
    return REFUSED, ""


def paths(root):
    for folder, step in FOLDERS:
        names = [os.path.join(where, name) for where, _, names in os.walk(os.path.join(root, folder)) for name in names]
        yield from (os.path.relpath(name, root) for name in sorted(names)[::step])


def main(root):
    if len(sys.argv) > 2:  # the child that does without SIMD
        for path in paths(root):
            print(repr(answer(os.path.join(root, path))))
        return
    child = subprocess.Popen([sys.executable, __file__, root, "child"], env=without_simd(),
                             stdout=subprocess.PIPE, text=True)
    print("# path\twidth\theight\tchannels\tCRC-32 | refused | any\tremark")
    for path, line in zip(paths(root), child.stdout):
        ours, plain = answer(os.path.join(root, path)), eval(line)
        if ours and ours[0] != plain[0]:
            ours = ANY, "coefficients beyond those of 8-bit samples: libjpeg-turbo's C and SIMD code differ, too"
        if ours:
            print("\t".join((path, *ours)))
    child.wait()


main(sys.argv[1])
