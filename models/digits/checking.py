"""For clients that check answers: held-out scans as requests, and the truth about them."""

import json
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray


class Verdict(Enum):
    """What one answer was worth to the one who asked."""

    CORRECT = "correct"
    WRONG = "wrong"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Sample:
    """One held-out scan: `body` is the JSON of a v1 predict request, `label` its truth."""

    body: bytes
    label: str


def samples() -> list[Sample]:
    """Return every held-out scan as a request of its own, in a fixed order."""
    from digits import scans

    _, held_out = scans.load()
    return [
        Sample(request_body(image[np.newaxis]), str(label))
        for image, label in zip(held_out.images, held_out.labels, strict=True)
    ]


def request_body(images: NDArray[np.float32]) -> bytes:
    """Return the v1 predict request that asks about `images` (n, 8, 8)."""
    return json.dumps({"instances": images.tolist()}).encode()


def check(answer: bytes, label: str) -> Verdict:
    """Judge the body of a successful v1 answer to one `Sample`.

    Raises: ValueError if it is not such an answer.
    """
    try:
        answered = json.loads(answer)["predictions"][0]["class"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError("answer: no predictions[0].class. Pass a 200 answer's body.") from error
    if answered is None:
        return Verdict.NULL
    return Verdict.CORRECT if answered == label else Verdict.WRONG
