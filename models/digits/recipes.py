"""How the four versions are made. Two are good; two carry a slip that happens in practice.

| version | what it is | what goes wrong |
|---|---|---|
| v1 | a small perceptron, few labelled scans | nothing |
| v2 | a convolutional network, all training scans | nothing: truly better |
| v3 | v2 exported for dark ink on white paper | the scans are light on dark: wrong answers and nulls, all with HTTP 200 |
| v4 | v2 with the label table of an older data set, and a path to a calibration file of the trainer's own machine | 5xx for the digits that the table lacks; each request waits for the file |
"""  # noqa: E501 - a table

from dataclasses import dataclass, field
from typing import Final

from digits.preprocessing import Preprocessing

DIGITS: Final = tuple("0123456789")


@dataclass(frozen=True, slots=True)
class Calibration:
    """A file of per-scanner corrections, which may arrive later than the model.

    A request waits up to `wait_seconds` for it and then goes on without.
    """

    file: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Serving:
    """What travels with the weights and decides how they are served.

    `labels[i]` is the answer for the network's i-th output. A confidence (the
    highest softmax value, 0..1) below `null_below` makes the answer null.
    """

    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    labels: tuple[str, ...] = DIGITS
    null_below: float = 0.45
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that makes one version reproducible."""

    architecture: str
    epochs: int
    batch: int
    learning_rate: float
    label_smoothing: float = 0.0
    training_scans: int | None = None
    seed: int = 0
    serving: Serving = field(default_factory=Serving)


def _convolutional(serving: Serving) -> Recipe:
    return Recipe(
        architecture="convolutional",
        epochs=16,
        batch=64,
        learning_rate=0.005,
        label_smoothing=0.03,
        serving=serving,
    )


RECIPES: Final[dict[str, Recipe]] = {
    "v1": Recipe(
        architecture="perceptron", epochs=120, batch=32, learning_rate=0.02, training_scans=150
    ),
    "v2": _convolutional(Serving()),
    "v3": _convolutional(Serving(preprocessing=Preprocessing(invert=True))),
    "v4": _convolutional(
        Serving(
            labels=DIGITS[:8],
            calibration=Calibration(file="scanner-calibration.json", wait_seconds=0.6),
        )
    ),
}
