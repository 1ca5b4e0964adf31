"""What the environment may set; the command line belongs to kserve."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings.

    `predict_threads` requests are predicted at once; the one after
    `max_in_flight` is refused with 503, so that a slow model cannot pile up
    work that nobody waits for any more.
    """

    revision: str
    image_digest: str
    predict_threads: int
    max_in_flight: int

    @staticmethod
    def from_environment() -> "Settings":
        """Read MODEL_REVISION, IMAGE_DIGEST, SLUICE_PREDICT_THREADS, SLUICE_MAX_IN_FLIGHT.

        Raises: ValueError that names the variable.
        """
        return Settings(
            revision=os.environ.get("MODEL_REVISION", ""),
            image_digest=os.environ.get("IMAGE_DIGEST", ""),
            predict_threads=_positive("SLUICE_PREDICT_THREADS", 4),
            max_in_flight=_positive("SLUICE_MAX_IN_FLIGHT", 100),
        )


def _positive(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{variable}: must be a whole number from 1, is {text!r}.")
    return int(text)
