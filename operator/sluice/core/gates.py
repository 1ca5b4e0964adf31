"""From a gate to the questions for Prometheus, and from the answers to a verdict.

Only the candidate is asked about. A verdict needs fresh data and enough samples;
an empty answer is neither good nor bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sluice.api import promql
from sluice.api.reasons import StageKind, Verdict
from sluice.api.spec import Gate, Policy
from sluice.api.status import Decider, Reading, Stage
from sluice.core.observation import Measured, Measurement, Unanswered


@dataclass(frozen=True, slots=True)
class Question:
    """The PromQL of one gate. All three end in at most one number.

    `absent_is_zero`: numerator and samples are label sets of one metric, so that an absent
    numerator is a count of zero and not a missing metric.
    """

    value: str
    samples: str
    newest: str
    absent_is_zero: bool = False


def question(gate: Gate, labels: Mapping[str, str], window_seconds: int) -> Question:
    """Return what to ask for `gate` about the series with `labels`."""
    window = f"[{window_seconds}s]"

    def increase(series: str, suffix: str = "") -> str:
        return f"sum(increase({promql.selector(series, labels, suffix)}{window}))"

    def newest(series: str, suffix: str = "") -> str:
        return f"max(timestamp({promql.selector(series, labels, suffix)}))"

    if gate.ratio:
        same_metric = promql.metric_name(gate.ratio.numerator) == promql.metric_name(
            gate.ratio.denominator
        )
        samples = increase(gate.ratio.denominator)
        return Question(
            value=f"{increase(gate.ratio.numerator)} / {samples}",
            samples=samples,
            newest=newest(gate.ratio.denominator),
            absent_is_zero=same_metric,
        )
    if gate.quantile:
        buckets = promql.selector(gate.quantile.histogram, labels, "_bucket")
        return Question(
            value=f"histogram_quantile({gate.quantile.q},"
            f" sum by (le) (increase({buckets}{window})))",
            samples=increase(gate.quantile.histogram, "_count"),
            newest=newest(gate.quantile.histogram, "_count"),
        )
    if gate.mean:
        samples = increase(gate.mean.histogram, "_count")
        return Question(
            value=f"{increase(gate.mean.histogram, '_sum')} / {samples}",
            samples=samples,
            newest=newest(gate.mean.histogram, "_count"),
        )
    if gate.expression:
        return Question(
            value=promql.expression(gate.expression.query, labels),
            samples=promql.expression(gate.expression.samples, labels),
            newest=newest(promql.first_series(gate.expression.samples)),
        )
    raise AssertionError(f"gate {gate.name} asks nothing: the schema refuses it")


def window_seconds(gate: Gate, stage: Stage, settle_seconds: int, now: datetime) -> int:
    """Return the gate's window, cut so that it begins no earlier than the stage has settled.

    0 while it still settles: then there is nothing to ask.
    """
    age = int((now - stage.start_time).total_seconds())
    return max(0, min(gate.window_seconds, age - settle_seconds))


def asked(policy: Policy, stage: Stage) -> tuple[Gate, ...]:
    """Return the gates that `stage` asks: those it names, or all; none outside a trial."""
    match stage.kind:
        case StageKind.SHADOW | StageKind.WEIGHT:
            named = [s.gates for s in policy.rollout.stages if s.name == stage.name]
            names = named[0] if named else None
        case StageKind.BAKE:
            names = policy.rollout.bake.gates
        case StageKind.LOADING | StageKind.STABLE | StageKind.ROLLING_BACK | StageKind.ROLLED_BACK:
            return ()
        case _:
            assert_never(stage.kind)
    return tuple(g for g in policy.gates if names is None or g.name in names)


def bound(gate: Gate) -> str:
    """Return the bound as people write it, such as `<= 0.02`."""
    return " and ".join(
        f"{sign} {limit}" for sign, limit in ((">=", gate.min), ("<=", gate.max)) if limit
    )


def judge(gate: Gate, measurement: Measurement | None, now: datetime) -> Reading:
    """Return the verdict on one measurement; None means that it is too early to ask."""

    def reading(
        verdict: Verdict, message: str, value: float | None = None, samples: float | None = None
    ) -> Reading:
        return Reading(
            name=gate.name,
            verdict=verdict,
            role=gate.role,
            value=None if value is None else f"{value:.4g}",
            bound=bound(gate),
            samples=None if samples is None else round(samples),
            message=message,
            time=now,
        )

    match measurement:
        case None:
            return reading(Verdict.WAIT, "nothing yet, the stage settles")
        case Unanswered(problem=problem):
            return reading(Verdict.BROKEN, problem)
        case Measured(age_seconds=None):
            return reading(Verdict.NO_DATA, "Prometheus has no such series for this revision")
        case Measured(age_seconds=float(age)) if age > gate.freshness_seconds:
            return reading(
                Verdict.NO_DATA,
                f"the newest sample is {age:.0f} s old, limit {gate.freshness_seconds} s",
            )
        case Measured(value=value, samples=samples):
            pass
        case _:
            assert_never(measurement)
    if samples is None or round(samples) < gate.min_samples:
        have = 0 if samples is None else round(samples)
        return reading(
            Verdict.WAIT, f"{have} of {gate.min_samples} samples", value=value, samples=have
        )
    if value is None:
        return reading(Verdict.NO_DATA, "the value is empty or not a number", samples=samples)
    if _within(gate, value):
        return reading(Verdict.PASS, f"from {round(samples)} samples", value, samples)
    return reading(Verdict.FAIL, f"from {round(samples)} samples", value, samples)


def _within(gate: Gate, value: float) -> bool:
    # Both sides as the nearest double: 0.02 measured is within a bound of "0.02".
    return (gate.min is None or value >= float(gate.min)) and (
        gate.max is None or value <= float(gate.max)
    )


def failed(readings: Iterable[Reading]) -> Reading | None:
    """Return the first deciding gate that failed."""
    return next((r for r in readings if r.role == "Gate" and r.verdict is Verdict.FAIL), None)


def worst(readings: Iterable[Reading]) -> Reading | None:
    """Return the deciding gate that holds the rollout back most, None if all passed."""
    order = (Verdict.BROKEN, Verdict.NO_DATA, Verdict.WAIT)
    deciding = [r for r in readings if r.role == "Gate"]
    return next((r for verdict in order for r in deciding if r.verdict is verdict), None)


def decider(gate: Gate, reading: Reading, query: str, stage: str) -> Decider:
    """Return the evidence of `reading` as it is kept for good."""
    return Decider(
        gate=gate.name,
        family=gate.family,
        value=reading.value or "",
        bound=reading.bound,
        samples=reading.samples or 0,
        query=query,
        stage=stage,
        time=reading.time,
    )
