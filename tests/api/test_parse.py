"""A mistake comes back with its field and what to do, and all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from core.world import a_spec
from sluice.api.parse import parse_spec
from sluice.errors import InvalidSpec


def gate(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "g", "max": "1", "mean": {"histogram": "h"}} | changes


@pytest.mark.parametrize(
    ("changes", "path", "fix"),
    [
        ({"modelNam": "x"}, "spec.modelNam", "check the spelling"),
        ({"traffic": {"parentRefs": [{"name": "g"}]}}, "spec.traffic.hostnames", "is required"),
        ({"gates": [gate(mean={"histogram": "sum(h)"})]}, "spec.gates[0].mean.histogram", "plain"),
        ({"gates": [gate(mean={"histogram": "h[5m]"})]}, "spec.gates[0].mean.histogram", "plain"),
        (
            {"gates": [gate(mean={"histogram": 'h{namespace="other"}'})]},
            "spec.gates[0].mean.histogram",
            "remove that matcher",
        ),
        (
            {"gates": [gate(mean=None, quantile={"histogram": "h", "q": "99"})]},
            "spec.gates[0].quantile.q",
            "write 0.99",
        ),
        ({"gates": [gate(min="2", max="1")]}, "spec.gates[0].min", "swap them"),
        ({"gates": [gate(max="high")]}, "spec.gates[0].max", "pattern"),
        (
            {"gates": [gate(mean=None, expression={"query": "1", "samples": "sum(a)"})]},
            "spec.gates[0].expression.query",
            "names no series",
        ),
    ],
)
def test_a_mistake_names_its_field_and_the_fix(
    changes: dict[str, Any], path: str, fix: str
) -> None:
    with pytest.raises(InvalidSpec) as raised:
        parse_spec(a_spec(**changes))

    assert [path] == [error.path for error in raised.value.errors]
    assert fix in raised.value.errors[0].problem


def test_all_mistakes_come_at_once() -> None:
    bad = [gate(name="a", mean={"histogram": "}"}), gate(name="b", min="3", max="2")]
    with pytest.raises(InvalidSpec) as raised:
        parse_spec(a_spec(gates=bad))

    assert ["spec.gates[0].mean.histogram", "spec.gates[1].min"] == [
        error.path for error in raised.value.errors
    ]
