"""What a gate asks, and what it makes of the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.world import DOWN, EPOCH, FEW, NOTHING, STALE
from sluice.api.reasons import Reason, StageKind, Verdict
from sluice.api.spec import Gate
from sluice.api.status import Stage
from sluice.core.gates import judge, question, window_seconds
from sluice.core.observation import Measured, Measurement

LABELS = {"namespace": "f", "revision": "d-1"}
M = '{namespace="f", revision="d-1"}'


def a_gate(**changes: Any) -> Gate:  # noqa: ANN401
    base = {
        "name": "g",
        "ratio": {"numerator": 'r{code="5xx"}', "denominator": "r"},
        "max": "0.02",
        "minSamples": 50,
    }
    return Gate.model_validate(base | changes)


def test_a_ratio_asks_increase_over_increase() -> None:
    asked = question(a_gate(), LABELS, 60)

    assert f"sum(increase(r{M}[60s]))" == asked.samples
    assert asked.value.endswith(f" / {asked.samples}")
    assert f"max(timestamp(r{M}))" == asked.newest
    assert asked.absent_is_zero


def test_a_missing_metric_is_no_zero() -> None:
    other = a_gate(ratio={"numerator": "empty", "denominator": "r"})

    assert not question(other, LABELS, 60).absent_is_zero


def test_a_quantile_asks_the_buckets() -> None:
    gate = a_gate(ratio=None, quantile={"histogram": "h", "q": "0.95"})

    assert (
        f"histogram_quantile(0.95, sum by (le) (increase(h_bucket{M}[60s])))"
        == question(gate, LABELS, 60).value
    )


def test_a_mean_is_sum_over_count() -> None:
    gate = a_gate(ratio=None, mean={"histogram": "h"})

    assert (
        f"sum(increase(h_sum{M}[60s])) / sum(increase(h_count{M}[60s]))"
        == question(gate, LABELS, 60).value
    )


@pytest.mark.parametrize(
    ("age", "expected"), [(0, 0), (5, 0), (6, 1), (15, 10), (65, 60), (900, 60)]
)
def test_the_window_begins_when_the_stage_has_settled(age: int, expected: int) -> None:
    stage = Stage(
        name="s",
        kind=StageKind.SHADOW,
        revision="d-1",
        start_time=EPOCH,
        soak_time=EPOCH,
        reason=Reason.LOADED,
    )
    now = EPOCH + timedelta(seconds=age)

    assert expected == window_seconds(a_gate(windowSeconds=60), stage, 5, now)


def measured(value: float | None, samples: float | None = 100.0) -> Measured:
    return Measured(value=value, samples=samples, age_seconds=1.0, query="q")


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        pytest.param(None, Verdict.WAIT, id="the stage settles"),
        pytest.param(DOWN, Verdict.BROKEN, id="the source is down"),
        pytest.param(NOTHING, Verdict.NO_DATA, id="no such series"),
        pytest.param(STALE, Verdict.NO_DATA, id="the newest sample is old"),
        pytest.param(FEW, Verdict.WAIT, id="bad, but too few samples"),
        pytest.param(measured(0.5, None), Verdict.WAIT, id="no samples counted"),
        pytest.param(measured(None), Verdict.NO_DATA, id="not a number"),
        pytest.param(measured(0.0), Verdict.PASS, id="good"),
        pytest.param(measured(0.02), Verdict.PASS, id="on the bound"),
        pytest.param(measured(0.0201), Verdict.FAIL, id="beyond the bound"),
        pytest.param(measured(0.5, 49.4), Verdict.WAIT, id="one sample short"),
    ],
)
def test_verdicts(measurement: Measurement | None, expected: Verdict) -> None:
    assert expected is judge(a_gate(), measurement, EPOCH).verdict


def test_a_lower_bound_fails_below() -> None:
    gate = a_gate(max=None, min="0.6")

    assert Verdict.FAIL is judge(gate, measured(0.59), EPOCH).verdict
    assert Verdict.PASS is judge(gate, measured(0.6), EPOCH).verdict
    assert ">= 0.6" == judge(gate, measured(0.6), EPOCH).bound
