"""Convert weights files to functional models: drops the prefix `layers/functional/` of the network within; no number changes.

python scripts/convert_weights.py zoo/weights/*.weights.h5
"""

import io
import sys
from pathlib import Path

import h5py

PREFIX = "layers/functional"


def convert(path: Path) -> bool:
    """Rewrite one file; returns False where it is converted already, or holds a language model."""
    made = io.BytesIO()
    with h5py.File(path) as source:
        if PREFIX not in source or "layers/functional/layers" not in source or len(source["layers"]) > 1:
            return False
        with h5py.File(made, "w", libver="v110") as target:
            target.attrs.update(source.attrs)
            for name in source[PREFIX]:
                source.copy(f"{PREFIX}/{name}", target, name)
    path.write_bytes(made.getvalue())
    return True


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, "converted" if convert(Path(name)) else "left as it is")
