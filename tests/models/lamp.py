"""A model on the base, quick to start: is a 2x2 image dark or bright?

The top left pixel asks for trouble: 13 raises, 21 takes 1.5 seconds.
"""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sluice_models import Classifier, ImageInput, ModelInfo, Prediction, folder_digest, serve


class Lamp(Classifier):
    input = ImageInput(name="image", shape=(2, 2), low=0, high=255, max_instances=4)
    classes = ("dark", "bright")

    def load(self, folder: Path) -> ModelInfo:
        self.threshold = float((folder / "threshold.txt").read_text())
        return ModelInfo(folder_digest(folder), "sha256:data", "lamp 1")

    def predict(self, batch: NDArray[np.float32]) -> list[Prediction]:
        if (batch[:, 0, 0] == 13).any():
            raise LookupError(f"no answer for {batch.tolist()}")
        if (batch[:, 0, 0] == 21).any():
            time.sleep(1.5)
        return [self._answer(float(image.mean()) / 255) for image in batch]

    def _answer(self, brightness: float) -> Prediction:
        confidence = max(brightness, 1 - brightness)
        if confidence < self.threshold:
            return Prediction(None, confidence)
        return Prediction("bright" if brightness > 0.5 else "dark", confidence)


if __name__ == "__main__":
    serve(Lamp)
