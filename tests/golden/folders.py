"""Writes folders.txt: which class torchvision's ImageFolder gives each picture of folders.layout, a line
"root, class, path" for each, separated by tabs. Needs torchvision.

    python3 tests/golden/folders.py > tests/golden/folders.txt"""

import pathlib
import shutil
import tempfile

from torchvision.datasets import ImageFolder

HERE = pathlib.Path(__file__).parent
PICTURE = next((HERE / "../../data/fashion/train/bag").glob("*.png"))
ROOTS = ["nested", "split/train", "split/val"]

with tempfile.TemporaryDirectory() as folder:
    for line in (HERE / "folders.layout").read_text().splitlines():
        path = pathlib.Path(folder, line)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".png":
            shutil.copy(PICTURE, path)
        else:
            path.write_text("text")
    for root in ROOTS:
        found = ImageFolder(str(pathlib.Path(folder, root)))
        for path, label in found.samples:
            print(root, found.classes[label], pathlib.Path(path).relative_to(folder), sep="\t")
