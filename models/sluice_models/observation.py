"""What one request turned out to be, collected while it is answered.

The middleware opens an observation, the model's endpoint fills it, and the
middleware counts it once the answer's status is known.
"""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal

from sluice_models.classifier import InputStatistics, Prediction

Mode = Literal["live", "mirror", "probe"]
MODES: Final[tuple[Mode, ...]] = ("live", "mirror", "probe")


@dataclass(slots=True)
class Observation:
    """One request's findings.

    `reached_model` stays False while kserve decodes: what fails until then is
    the client's mistake. `invalid` is a reason of `tensors.REASONS`.
    """

    mode: Mode
    reached_model: bool = False
    invalid: str | None = None
    inputs: InputStatistics | None = None
    predictions: Sequence[Prediction] = field(default_factory=tuple)


CURRENT: ContextVar[Observation | None] = ContextVar("observation", default=None)


def current() -> Observation:
    """Return the observation of the request being answered.

    Outside of a counted request it is a fresh one that nobody will count.
    """
    return CURRENT.get() or Observation(mode="live")


def mode_of(headers: Iterable[tuple[bytes, bytes]], revision: str) -> Mode:
    """Return how a request came to `revision`, from its lower-case ASGI headers.

    While Sluice mirrors, its route names the revision that gets the copies on every
    request. Other mirrors of Envoy append `-shadow` to the host (before the port).
    """
    found = dict(headers)
    if revision and found.get(b"x-sluice-mirrored-to") == revision.encode():
        return "mirror"
    if found.get(b"host", b"").split(b":")[0].endswith(b"-shadow"):
        return "mirror"
    match found.get(b"x-sluice-mode", b"").strip().lower():
        case b"mirror":
            return "mirror"
        case b"probe":
            return "probe"
        case _:
            return "live"
