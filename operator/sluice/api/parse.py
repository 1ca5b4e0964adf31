"""From the dict that the API server gives to typed values, or to every mistake at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from sluice.api import promql
from sluice.api.spec import Gate, ModelDeploymentSpec
from sluice.api.status import ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus
from sluice.errors import FieldError, InvalidSpec


def parse_spec(raw: Mapping[str, Any]) -> ModelDeploymentSpec:
    """Return the spec of a ModelDeployment.

    Raises: InvalidSpec with every mistake that schema, CEL and PromQL can show.
    """
    try:
        spec = ModelDeploymentSpec.model_validate(raw)
    except ValidationError as error:
        raise InvalidSpec(tuple(_field_errors(error))) from error
    errors = tuple(_gate_errors(spec))
    if errors:
        raise InvalidSpec(errors)
    return spec


def parse_status(raw: Mapping[str, Any] | None) -> ModelDeploymentStatus:
    """Return the status of a ModelDeployment; an absent one is the empty one."""
    return ModelDeploymentStatus.model_validate(raw or {})


def parse_revision(
    raw: Mapping[str, Any],
) -> tuple[ModelRevisionSpec, ModelRevisionStatus]:
    """Return spec and status of a ModelRevision."""
    return (
        ModelRevisionSpec.model_validate(raw["spec"]),
        ModelRevisionStatus.model_validate(raw.get("status") or {}),
    )


def _field_errors(error: ValidationError) -> Iterator[FieldError]:
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        match item["type"]:
            case "extra_forbidden":
                problem = "is not a field: check the spelling, or remove it"
            case "missing":
                problem = "is required: add it"
            case _:
                problem = item["msg"][:1].lower() + item["msg"][1:]
        yield FieldError(_path(item["loc"]), problem)


def _path(location: tuple[int | str, ...]) -> str:
    return "spec" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location)


def _gate_errors(spec: ModelDeploymentSpec) -> Iterator[FieldError]:
    for i, gate in enumerate(spec.gates):
        yield from _promql_errors(f"spec.gates[{i}]", gate)
        if gate.quantile and not 0 < Decimal(gate.quantile.q) < 1:
            yield FieldError(
                f"spec.gates[{i}].quantile.q",
                f"must be between 0 and 1, got {gate.quantile.q}: write 0.99 for p99",
            )
        if gate.min and gate.max and Decimal(gate.min) > Decimal(gate.max):
            yield FieldError(
                f"spec.gates[{i}].min",
                f"must not be greater than `max` {gate.max}, got {gate.min}: swap them",
            )


def _promql_errors(path: str, gate: Gate) -> Iterator[FieldError]:
    def check(field: str, parse: Callable[..., str], text: str) -> Iterator[FieldError]:
        try:
            parse(text, {})
        except promql.BadPromQL as error:
            yield FieldError(f"{path}.{field}", str(error))

    if gate.ratio:
        yield from check("ratio.numerator", promql.selector, gate.ratio.numerator)
        yield from check("ratio.denominator", promql.selector, gate.ratio.denominator)
    if gate.quantile:
        yield from check("quantile.histogram", promql.selector, gate.quantile.histogram)
    if gate.mean:
        yield from check("mean.histogram", promql.selector, gate.mean.histogram)
    if gate.expression:
        yield from check("expression.query", promql.expression, gate.expression.query)
        yield from check("expression.samples", promql.expression, gate.expression.samples)
