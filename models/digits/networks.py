"""The architectures, by the name that a saved model carries."""

from collections.abc import Callable
from typing import Final

from torch import nn


def _perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def _convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(64 * 16, 10),
    )


ARCHITECTURES: Final[dict[str, Callable[[], nn.Module]]] = {
    "perceptron": _perceptron,
    "convolutional": _convolutional,
}


def build(architecture: str) -> nn.Module:
    """Return a fresh network from (n, 8, 8) inputs to (n, 10) logits.

    Raises: ValueError if the name is unknown.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ValueError(f"architecture: {architecture!r} is unknown. Use one of: {known}.")
    return ARCHITECTURES[architecture]()
