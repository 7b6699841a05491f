"""Rename a layer's attribute in weights files, where the code has a new name for it; no number changes.

python scripts/convert_weights.py forward forwards zoo/weights/*.weights.h5
"""

import sys
from pathlib import Path

import h5py


def rename(path: Path, old: str, new: str) -> int:
    """Rename every group of a file that is called `old`, in place; returns how many there were."""
    with h5py.File(path, "r") as file:
        found = []
        file.visit(lambda name: found.append(name) if name.rpartition("/")[2] == old else None)
    if found:  # a file that is opened for writing gets another sha256 even where nothing is written
        with h5py.File(path, "r+") as file:
            for name in found:
                file.move(name, f"{name.removesuffix(old)}{new}")
    return len(found)


if __name__ == "__main__":
    old, new, *files = sys.argv[1:]
    for file in map(Path, files):
        print(file, rename(file, old, new))
