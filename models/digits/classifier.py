"""Serves any saved version: the folder says how, the code never asks which version it is."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digits.recipes import DIGITS, Calibration
from sluice_models import Classifier, ImageInput, ModelInfo, Prediction, folder_digest

if TYPE_CHECKING:
    from torch import nn

    from digits.saved import Description

_POLL_SECONDS = 0.02


class DigitsClassifier(Classifier):
    """Reads 8x8 scans with ink from 0 to 16; answers a digit, or null below a confidence."""

    input = ImageInput(name="image", shape=(8, 8), low=0, high=16)
    classes = DIGITS

    def __init__(self) -> None:
        self._description: Description | None = None
        self._network: nn.Module | None = None
        self._folder = Path()

    def load(self, folder: Path) -> ModelInfo:
        """Load `model.pt` and `model.json` of `folder`."""
        import torch

        from digits import saved

        self._description, self._network = saved.load(folder)
        self._folder = folder
        return ModelInfo(
            model_digest=folder_digest(folder),
            train_data_digest=self._description.training_data_digest,
            framework=f"torch {torch.__version__}",
        )

    def predict(self, batch: NDArray[np.float32]) -> list[Prediction]:
        """Answer for `batch` (n, 8, 8). Safe to call from several threads."""
        import torch

        if self._description is None or self._network is None:
            raise RuntimeError("predict before load")
        serving = self._description.serving
        if serving.calibration is not None:
            _wait_for(self._folder, serving.calibration)
        inputs = torch.from_numpy(serving.preprocessing.apply(batch))
        with torch.inference_mode():
            confidences, outputs = self._network(inputs).softmax(1).max(1)
        return [
            Prediction(
                label=serving.labels[output] if confidence >= serving.null_below else None,
                confidence=confidence,
            )
            for confidence, output in zip(confidences.tolist(), outputs.tolist(), strict=True)
        ]


def _wait_for(folder: Path, calibration: Calibration) -> None:
    deadline = time.monotonic() + calibration.wait_seconds
    while not (folder / calibration.file).exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
