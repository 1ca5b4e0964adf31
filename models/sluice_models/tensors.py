"""From a request's JSON to a batch, or one sentence that says which field is wrong.

Values are shown in no message: a refused request may still be private.
"""

import json
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sluice_models.classifier import ImageInput

MALFORMED: Final = "malformed"
COUNT: Final = "count"
SHAPE: Final = "shape"
TYPE: Final = "type"
MISSING: Final = "missing"
RANGE: Final = "range"
REASONS: Final = (MALFORMED, COUNT, SHAPE, TYPE, MISSING, RANGE)


class InvalidRequestError(Exception):
    """The client's mistake: `reason` is one of REASONS, the message names field and remedy."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def from_v1(payload: object, spec: ImageInput) -> NDArray[np.float32]:
    """Return the batch (n, *spec.shape) of a v1 body, given parsed or as bytes.

    Raises: InvalidRequestError.
    """
    if isinstance(payload, bytes | str):
        try:
            payload = json.loads(payload)
        except ValueError as error:
            raise InvalidRequestError(MALFORMED, "body: is not JSON.") from error
    if not isinstance(payload, dict) or not isinstance(payload.get("instances"), list):
        example = f'{{"instances": [<{_shape(spec)} numbers>, ...]}}'
        raise InvalidRequestError(MALFORMED, f"instances: must be a list. Send {example}.")
    instances = payload["instances"]
    _check_count(len(instances), "instances", spec)
    values = _as_array(instances)
    if values is None or values.shape[1:] != spec.shape:
        raise _first_fault(instances, spec)
    return _in_range(values, "instances", spec)


def from_v2(values: NDArray[np.generic], spec: ImageInput) -> NDArray[np.float32]:
    """Return the batch (n, *spec.shape) of a decoded v2 input tensor.

    Raises: InvalidRequestError.
    """
    where = f"inputs[{spec.name}]"
    if values.ndim == 0 or values.shape[1:] != spec.shape:
        wanted = f"[n, {', '.join(map(str, spec.shape))}]"
        raise InvalidRequestError(
            SHAPE, f"{where}.shape: must be {wanted}, is {list(values.shape)}. Reshape it."
        )
    if values.dtype.kind not in "iuf":
        raise InvalidRequestError(TYPE, f"{where}.datatype: must be a number type such as FP32.")
    _check_count(len(values), where, spec)
    return _in_range(values, where, spec)


def _check_count(count: int, where: str, spec: ImageInput) -> None:
    if not 1 <= count <= spec.max_instances:
        raise InvalidRequestError(
            COUNT, f"{where}: must hold 1 to {spec.max_instances} instances, holds {count}."
        )


def _as_array(instances: list[object]) -> NDArray[np.generic] | None:
    """Return the numbers as they are, or None when they are ragged or not all numbers."""
    try:
        values: NDArray[np.generic] = np.asarray(instances)
    except ValueError:
        return None
    return values if values.dtype.kind in "iuf" else None


def _in_range(values: NDArray[np.generic], where: str, spec: ImageInput) -> NDArray[np.float32]:
    batch = values.astype(np.float32)
    for bad, reason, must in (
        (np.isnan(batch), MISSING, "must not be NaN"),
        ((batch < spec.low) | (batch > spec.high), RANGE, f"must be {spec.low} to {spec.high}"),
    ):
        if bad.any():
            at = "".join(f"[{i}]" for i in np.argwhere(bad)[0])
            raise InvalidRequestError(reason, f"{where}{at}: {must}.")
    return batch


def _first_fault(instances: list[object], spec: ImageInput) -> InvalidRequestError:
    faults = (
        fault
        for i, instance in enumerate(instances)
        for fault in _faults(instance, f"instances[{i}]", spec.shape)
    )
    general = InvalidRequestError(SHAPE, f"instances: each must be {_shape(spec)} numbers.")
    return next(faults, general)


def _faults(value: object, where: str, shape: tuple[int, ...]) -> Iterator[InvalidRequestError]:
    if value is None:
        yield InvalidRequestError(MISSING, f"{where}: is null. Send a value.")
    elif not shape:
        if isinstance(value, bool) or not isinstance(value, int | float):
            kind = type(value).__name__
            yield InvalidRequestError(TYPE, f"{where}: must be a number, is a {kind}.")
    elif not isinstance(value, list):
        yield InvalidRequestError(SHAPE, f"{where}: must be a list of {shape[0]}.")
    elif len(value) != shape[0]:
        yield InvalidRequestError(SHAPE, f"{where}: must hold {shape[0]}, holds {len(value)}.")
    else:
        for i, part in enumerate(value):
            yield from _faults(part, f"{where}[{i}]", shape[1:])


def _shape(spec: ImageInput) -> str:
    return "x".join(map(str, spec.shape))
