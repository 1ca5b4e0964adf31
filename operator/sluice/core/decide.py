"""The decision of one pass: pure, total, and the same again if asked again.

observation -> verdicts of the gates -> course -> status, actions, events
"""

from __future__ import annotations

from typing import Literal

from sluice.api.reasons import ConditionType, Reason, StageKind
from sluice.api.spec import Policy
from sluice.api.status import Arm, ModelDeploymentStatus, Reading, Stage
from sluice.core import gates, soak, stages, upkeep
from sluice.core.actions import Decision, Event
from sluice.core.conditions import conditions
from sluice.core.course import Move, Standing, Stay, next_course, standing
from sluice.core.observation import Observation
from sluice.routers.split import Split

_LONGEST_MESSAGE = 1024


def decide(o: Observation) -> Decision:
    """Return what to write and to do about `o`."""
    if o.policy is None:
        return _never_accepted(o)
    policy = o.policy
    before = standing(o)
    readings = judge_gates(o, policy)
    course = next_course(o, policy, readings)
    now = course.to if isinstance(course, Move) else before
    stay = course if isinstance(course, Stay) else None
    if now is None:
        return _never_accepted(o)
    split = _split(now, policy)
    status = _status(o, policy, now, stay, split, readings)
    routes = tuple(upkeep.route(o, policy, now, split)) if split else ()
    farewells, wait = upkeep.farewells(o, policy, now)
    rest = (
        *upkeep.workloads(o, now),
        *upkeep.records(o, before, now, (_split(before, policy), split), readings),
        *farewells,
    )
    actions = routes if o.blind else (*routes, *rest)
    return Decision(
        status=status if _worth_writing(o, policy, status) else None,
        actions=actions,
        events=_events(o, status, moved=isinstance(course, Move)),
        requeue_seconds=_requeue(
            policy, now, wait, moved=isinstance(course, Move), acted=bool(actions)
        ),
        explanation=status.message,
    )


def judge_gates(o: Observation, policy: Policy) -> tuple[Reading, ...]:
    """Return the verdict of every gate that the present stage asks."""
    if o.status.stage is None:
        return ()
    return tuple(
        gates.judge(gate, o.measurements.get(gate.name), o.now)
        for gate in gates.asked(policy, o.status.stage)
    )


def _never_accepted(o: Observation) -> Decision:
    status = o.status.model_copy(
        update={
            "observed_generation": o.generation,
            "conditions": conditions(o, None, None, None),
            "message": "; ".join(map(str, o.errors))[:_LONGEST_MESSAGE],
        }
    )
    return Decision(
        status=status if status != o.status else None,
        events=_events(o, status, moved=False),
        explanation=status.message,
    )


def _split(state: Standing | None, policy: Policy) -> Split | None:
    if state is None:
        return None
    stage = state.stage
    rung = stages.Rung(stage.name, stage.kind, _index(stage, policy))
    if rung.kind in {StageKind.SHADOW, StageKind.WEIGHT} and rung.index < 0:
        rung = stages.LOADING
    return stages.split_at(rung, policy.rollout, state.stable, stage.revision)


def _index(stage: Stage, policy: Policy) -> int:
    """Return the place of `stage` in the present ladder, -1 if the spec dropped it."""
    names = [s.name for s in policy.rollout.stages]
    return names.index(stage.name) if stage.name in names else -1


def _status(
    o: Observation,
    policy: Policy,
    now: Standing,
    stay: Stay | None,
    split: Split | None,
    readings: tuple[Reading, ...],
) -> ModelDeploymentStatus:
    message = stay.message if stay else now.stage.message
    if o.errors:
        message = f"the spec is invalid, the last accepted one goes on: {o.errors[0]}; {message}"
    return ModelDeploymentStatus(
        observed_generation=o.generation,
        message=message[:_LONGEST_MESSAGE],
        conditions=conditions(o, now, split, stay),
        stage=_soaked(o, policy, now.stage, stay),
        stable=_arm(now.stable, split),
        candidate=_arm(now.candidate, split),
        gates=_shown(o, now, stay, readings),
        failed_revisions=now.failed,
        policy=policy,
    )


def _shown(
    o: Observation, now: Standing, stay: Stay | None, readings: tuple[Reading, ...]
) -> tuple[Reading, ...]:
    """Return the readings for people: the stage's own, or those that ended the rollout."""
    if now.stage.kind not in {StageKind.ROLLING_BACK, StageKind.ROLLED_BACK}:
        return readings if stay else ()
    same = o.status.stage is not None and o.status.stage.revision == now.stage.revision
    return readings or (o.status.gates if same else ())


def _arm(revision: str | None, split: Split | None) -> Arm | None:
    if revision is None:
        return None
    mirrored = split is not None and split.mirror == revision
    return Arm(
        revision=revision,
        weight_percent=split.weight_of(revision) if split else 0,
        mirror_percent=split.mirror_percent if split and mirrored else None,
    )


def _soaked(o: Observation, policy: Policy, stage: Stage, stay: Stay | None) -> Stage:
    if stay is None or stage.kind not in stages.TRIALS:
        return stage
    period = soak.write_period_seconds(policy.rollout, soak.min_seconds(policy.rollout, stage))
    seconds = soak.soaked_seconds(stage, o.now, period, policy.rollout.interval_seconds)
    return stage.model_copy(
        update={"soak_seconds": round(seconds, 3), "soak_time": o.now, "soaking": stay.soaking}
    )


def _worth_writing(o: Observation, policy: Policy, new: ModelDeploymentStatus) -> bool:
    """Whether anything but a passing figure changed, or the clock is due to be written."""
    if _lasting(o.status) != _lasting(new):
        return True
    old = o.status.stage
    if old is None or old.kind not in stages.TRIALS:
        return False
    period = soak.write_period_seconds(policy.rollout, soak.min_seconds(policy.rollout, old))
    return (o.now - old.soak_time).total_seconds() >= period


def _lasting(status: ModelDeploymentStatus) -> object:
    """Return what is left of `status` without figures that change at each look."""
    stage = status.stage and status.stage.model_copy(
        update={"soak_seconds": 0.0, "soak_time": status.stage.start_time}
    )
    return (
        status.observed_generation,
        stage,
        status.stable,
        status.candidate,
        status.failed_revisions,
        status.policy,
        tuple((c.type, c.status, c.reason, c.observed_generation) for c in status.conditions),
        tuple((g.name, g.verdict) for g in status.gates),
    )


def _requeue(
    policy: Policy, now: Standing, wait: float, *, moved: bool, acted: bool
) -> float | None:
    if moved:
        return 0.0
    if now.stage.kind in stages.TRIALS:
        return float(policy.rollout.interval_seconds)
    if now.stage.kind is StageKind.ROLLING_BACK:
        return min(1.0, policy.rollout.interval_seconds)
    if wait:
        return wait + 0.1
    # What was done may make the next thing due, such as the farewell after an end.
    return 1.0 if acted else None


_MOVES = {
    StageKind.LOADING: "RolloutStarted",
    StageKind.SHADOW: "StageEntered",
    StageKind.WEIGHT: "StageEntered",
    StageKind.BAKE: "StageEntered",
    StageKind.STABLE: "Promoted",
    StageKind.ROLLING_BACK: "RollingBack",
    StageKind.ROLLED_BACK: "RolledBack",
}
"""Reason of the event that tells of the entry into a stage."""


_WARNINGS = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.METRICS_UNAVAILABLE,
        Reason.NO_DATA,
        Reason.STABLE_UNAVAILABLE,
        Reason.GATEWAY_REFUSED,
    }
)

_NEWSWORTHY = _WARNINGS | {Reason.PAUSED, Reason.WAITING_FOR_CAPACITY}
"""Reasons to stand still that are told when they begin and when they end."""


def _events(o: Observation, new: ModelDeploymentStatus, *, moved: bool) -> tuple[Event, ...]:
    """Return what is worth telling: a stage entered, and a condition whose reason turned."""
    events: list[Event] = []
    if moved and new.stage is not None:
        bad = new.stage.kind in {StageKind.ROLLING_BACK, StageKind.ROLLED_BACK}
        note = f"{new.stage.name}: {new.stage.message}"
        events.append(Event("Warning" if bad else "Normal", _MOVES[new.stage.kind], note))
    old = {c.type: c for c in o.status.conditions}
    for condition in new.conditions:
        was = old.get(condition.type)
        match condition.type:
            case ConditionType.ACCEPTED if condition.status == "False":
                news = was is None or was.message != condition.message
            case ConditionType.PROGRESSING:
                reasons = {condition.reason} ^ ({was.reason} if was else {condition.reason})
                news = not moved and bool(reasons & _NEWSWORTHY)
            case _:
                news = False
        if news:
            kind: Literal["Normal", "Warning"] = (
                "Warning" if condition.reason in _WARNINGS else "Normal"
            )
            events.append(Event(kind, condition.reason, condition.message))
    return tuple(events)
