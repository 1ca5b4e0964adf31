"""The data: scikit-learn's 1,797 real handwritten digits, scanned to 8x8 pixels.

Ink is light on dark: 0 is empty paper, 16 is full ink. The split is fixed, so
that the held-out numbers of two versions can be compared.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HELD_OUT_SHARE = 0.3
SPLIT_SEED = 0


@dataclass(frozen=True, slots=True)
class Scans:
    """Images (n, 8, 8) float32 in 0..16 and their labels (n,) int64 in 0..9."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def digest(self) -> str:
        """Return a sha256 over images and labels, stable across machines."""
        sha = hashlib.sha256(self.images.astype("<f4").tobytes())
        sha.update(self.labels.astype("<i8").tobytes())
        return f"sha256:{sha.hexdigest()}"

    def first(self, count: int | None) -> "Scans":
        """Return the first `count` scans, or all of them when it is None."""
        return Scans(self.images[:count], self.labels[:count])


def load() -> tuple[Scans, Scans]:
    """Return (training scans, held-out scans); every class has its share in both."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = data.images.astype(np.float32)
    labels = data.target.astype(np.int64)
    train, held_out = train_test_split(
        np.arange(len(labels)),
        test_size=HELD_OUT_SHARE,
        random_state=SPLIT_SEED,
        stratify=labels,
    )
    return Scans(images[train], labels[train]), Scans(images[held_out], labels[held_out])
