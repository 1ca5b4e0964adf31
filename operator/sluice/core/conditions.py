"""The four conditions: present truths, each with one reason from a closed set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sluice.api.reasons import ConditionType, Reason, StageKind
from sluice.api.status import Condition
from sluice.core.course import Standing, Stay
from sluice.core.observation import Observation
from sluice.core.stages import TRIALS
from sluice.routers.split import Split

_LONGEST_MESSAGE = 1024


def conditions(
    o: Observation, now: Standing | None, split: Split | None, stay: Stay | None
) -> tuple[Condition, ...]:
    """Return Accepted, Ready, Progressing and Degraded for the state that `now` describes."""
    held = {c.type: c for c in o.status.conditions}

    def stamped(kind: ConditionType, truth: _Truth) -> Condition:
        value, reason, message = truth
        status: Literal["True", "False"] = "True" if value else "False"
        old = held.get(kind)
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message[:_LONGEST_MESSAGE],
            observed_generation=o.generation,
            last_transition_time=old.last_transition_time
            if old and old.status == status
            else o.now,
        )

    return tuple(stamped(kind, truth) for kind, truth in _truths(o, now, split, stay))


_Truth = tuple[bool, Reason, str]


def _truths(
    o: Observation, now: Standing | None, split: Split | None, stay: Stay | None
) -> Iterator[tuple[ConditionType, _Truth]]:
    yield ConditionType.ACCEPTED, _accepted(o)
    yield ConditionType.READY, _ready(o, split)
    yield ConditionType.PROGRESSING, _progressing(now, stay)
    yield ConditionType.DEGRADED, _degraded(o, now, split)


def _accepted(o: Observation) -> _Truth:
    if o.errors:
        return False, Reason.INVALID_SPEC, "; ".join(map(str, o.errors))
    return True, Reason.VALID, "the spec can be carried out"


def _ready(o: Observation, split: Split | None) -> _Truth:
    if split is None:
        return False, Reason.NOT_SERVING, "no revision serves yet"
    if o.route is not None and o.route.refused:
        return False, Reason.GATEWAY_REFUSED, o.route.refused
    if empty := _without_replicas(o, split):
        return False, Reason.NOT_SERVING, f"no replica of {empty} is ready"
    return True, Reason.SERVING, " and ".join(f"{name} {w} %" for name, w in split.weights)


def _without_replicas(o: Observation, split: Split) -> str | None:
    if o.blind:
        return None
    return next((name for name, _ in split.weights if o.workload(name).ready == 0), None)


def _progressing(now: Standing | None, stay: Stay | None) -> _Truth:
    if now is None:
        return False, Reason.INVALID_SPEC, "nothing runs yet"
    if now.stage.kind in TRIALS | {StageKind.ROLLING_BACK}:
        if stay is not None:
            return True, stay.reason, stay.message
        return True, now.stage.reason, now.stage.message
    if now.stage.kind is StageKind.ROLLED_BACK:
        return False, Reason.ROLLED_BACK, now.stage.message
    return False, Reason.COMPLETE, f"{now.stage.revision} serves all requests"


def _degraded(o: Observation, now: Standing | None, split: Split | None) -> _Truth:
    if now is not None and now.stage.kind in {StageKind.ROLLING_BACK, StageKind.ROLLED_BACK}:
        return True, now.stage.reason, now.stage.message
    if o.route is not None and o.route.refused:
        return True, Reason.GATEWAY_REFUSED, o.route.refused
    if split is not None and (empty := _without_replicas(o, split)):
        return True, Reason.NOT_SERVING, f"no replica of {empty} is ready"
    return False, Reason.HEALTHY, "what was asked for serves or is on its way"
