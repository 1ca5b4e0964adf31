"""Measures a saved version on the held-out scans, one request's work at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits.classifier import DigitsClassifier
from digits.scans import Scans
from sluice_models import Prediction

_AT_ONCE = 64
_TIMED_SCANS = 200
_TIMED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Shares and confidence in 0..1. A failed scan is one that raised: a 5xx when served.

    `accuracy` counts nulls and failures as not right; `mean_confidence` is over
    answers, nulls included. Latency is the model's own, without HTTP.
    """

    scans: int
    accuracy: float
    null_share: float
    failed_share: float
    mean_confidence: float
    p95_latency_ms: float


def evaluate(folder: Path, scans: Scans) -> Evaluation:
    """Ask the version in `folder` about each of `scans` by itself."""
    classifier = DigitsClassifier()
    classifier.load(folder)
    # Many at once, for the sake of a version that waits in each request.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = list(pool.map(lambda image: _ask(classifier, image), scans.images))
    answers = [answer for answer in asked if answer is not None]
    right = sum(
        answer is not None and answer.label == str(label)
        for answer, label in zip(asked, scans.labels, strict=True)
    )
    return Evaluation(
        scans=len(asked),
        accuracy=right / len(asked),
        null_share=sum(answer.label is None for answer in answers) / len(asked),
        failed_share=1 - len(answers) / len(asked),
        mean_confidence=float(np.mean([answer.confidence for answer in answers])),
        p95_latency_ms=_p95_latency_ms(classifier, scans),
    )


def _p95_latency_ms(classifier: DigitsClassifier, scans: Scans) -> float:
    """Time requests one after the other, as many as fit in a few seconds."""
    took: list[float] = []
    for image in scans.images[:_TIMED_SCANS]:
        if sum(took) > _TIMED_SECONDS:
            break
        began = time.perf_counter()
        _ask(classifier, image)
        took.append(time.perf_counter() - began)
    return float(np.percentile(took, 95) * 1000)


def _ask(classifier: DigitsClassifier, image: NDArray[np.float32]) -> Prediction | None:
    """Return the answer, or None where a server would answer 500."""
    try:
        return classifier.predict(image[np.newaxis])[0]
    except (IndexError, RuntimeError, ValueError):
        return None
