"""What a model's author writes: one class that loads a folder and answers a batch.

Knows no protocol and no metric. Everything that the server counts is read off
the values defined here.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The one input tensor: instances of `shape`, every value from `low` to `high`.

    Requests that do not fit are refused with 400 and never reach `predict`.
    """

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    max_instances: int = 256

    @property
    def size(self) -> int:
        """Return the count of values in one instance."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one instance.

    A `label` of None is an empty (null) answer: the model declines. `confidence`
    is in 0..1, or None if the model has none.
    """

    label: str | None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class InputStatistics:
    """Brightness and contrast of each instance of a batch, (n,) each, in 0..1."""

    brightness: NDArray[np.float64]
    contrast: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Where a loaded model came from; shown as labels of `inference_model_info`."""

    model_digest: str = ""
    train_data_digest: str = ""
    framework: str = ""


class Classifier(ABC):
    """A model that answers one of `classes`, or nothing, for each instance.

    Constructed without arguments, once per worker process; `load` is called
    once before the first `predict`.
    """

    input: ClassVar[ImageInput]
    classes: ClassVar[Sequence[str]]

    @abstractmethod
    def load(self, folder: Path) -> ModelInfo:
        """Load the model in `folder`; whatever this raises ends the server."""

    @abstractmethod
    def predict(self, batch: NDArray[np.float32]) -> Sequence[Prediction]:
        """Answer for `batch` (n, *input.shape), one prediction for each instance.

        Called from several threads at once. Whatever this raises becomes a 500
        for that request alone.
        """

    def input_statistics(self, batch: NDArray[np.float32]) -> InputStatistics:
        """Measure the instances of `batch` (n, *input.shape).

        Brightness is the mean; contrast is twice the standard deviation, so that
        half black, half white is 1. Both relative to the input's range.
        """
        spread = self.input.high - self.input.low
        flat = (batch.reshape(len(batch), -1).astype(np.float64) - self.input.low) / spread
        return InputStatistics(brightness=flat.mean(axis=1), contrast=2 * flat.std(axis=1))


def folder_digest(folder: Path) -> str:
    """Return a sha256 over names and contents of all files under `folder`."""
    sha = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sha.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    return f"sha256:{sha.hexdigest()}"
