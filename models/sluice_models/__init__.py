"""A model server for progressive delivery: kserve's protocols, and metrics that can judge a model.

Subclass `Classifier`, call `serve`. Importing this package imports neither
kserve nor prometheus_client: with several worker processes the latter must
first be told where the processes meet, and `serve` does that.
"""

from sluice_models.classifier import (
    Classifier,
    ImageInput,
    InputStatistics,
    ModelInfo,
    Prediction,
    folder_digest,
)
from sluice_models.serving import serve

__all__ = [
    "Classifier",
    "ImageInput",
    "InputStatistics",
    "ModelInfo",
    "Prediction",
    "folder_digest",
    "serve",
]
