"""Makes the pair of IDX files of test_idx with Python's struct and gzip: 12 images of 5 x 4 pixels whose
bytes count up, labels 0 1 2 0 1 2 ... Run in this folder: /usr/bin/python3 idx.py"""
import gzip, os, struct

os.makedirs("idx", exist_ok=True)
images = struct.pack(">IIII", 0x803, 12, 5, 4) + bytes(i * 20 + p for i in range(12) for p in range(20))
labels = struct.pack(">II", 0x801, 12) + bytes(i % 3 for i in range(12))
for name, data in ("images", images), ("labels", labels):
    open(f"idx/{name}", "wb").write(data)
    open(f"idx/{name}.gz", "wb").write(gzip.compress(data, mtime=0))
