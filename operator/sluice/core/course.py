"""Where the rollout goes next: rollback first, then what the spec wants, then the ladder.

One pass moves by at most one stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from sluice.api.reasons import Outcome, Reason, StageKind, Verdict
from sluice.api.spec import Policy
from sluice.api.status import FAILED_REVISIONS_LENGTH, Decider, Reading, Stage
from sluice.core import gates, health, soak, stages
from sluice.core.observation import Measured, Observation, Unanswered
from sluice.core.revisions import revision_name
from sluice.routers import gateway_api


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rollout stands: the stage, both arms, and what was refused."""

    stage: Stage
    stable: str | None
    candidate: str | None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Go to another stage."""

    to: Standing


@dataclass(frozen=True, slots=True)
class Stay:
    """Stay, and why; `soaking` tells whether the clock of the stage runs."""

    reason: Reason
    message: str
    soaking: bool = False


Course = Move | Stay


def standing(o: Observation) -> Standing | None:
    """Return where the rollout stands by the status, None if nothing ever began."""
    if o.status.stage is None:
        return None
    return Standing(
        stage=o.status.stage,
        stable=o.status.stable.revision if o.status.stable else None,
        candidate=o.status.candidate.revision if o.status.candidate else None,
        failed=o.status.failed_revisions,
    )


def wanted_revision(o: Observation) -> str | None:
    """Return the revision that the spec asks for, None while the spec is invalid."""
    return revision_name(o.name, o.spec) if o.spec else None


def next_course(o: Observation, policy: Policy, readings: tuple[Reading, ...]) -> Course:
    """Return the course from `o`; `readings` are the verdicts of the stage's gates."""
    now = standing(o)
    wanted = wanted_revision(o)
    if now is None:
        if wanted is None:
            return Stay(Reason.INVALID_SPEC, "nothing runs: the spec is invalid")
        return Move(_begin(o, wanted, stable=None, failed=()))
    examined = _examined(o, policy, now)
    fall = _fall(o, policy, now, readings, examined)
    if fall is not None:
        return fall
    if o.blind:
        return Stay(Reason.CLUSTER_UNREADABLE, f"{now.stage.name}: holding: {o.blind}")
    if wanted is not None and wanted != now.stage.revision:
        return Move(_turn(o, now, wanted))
    match now.stage.kind:
        case StageKind.LOADING | StageKind.SHADOW | StageKind.WEIGHT | StageKind.BAKE:
            return _trial(o, policy, now, readings, examined)
        case StageKind.ROLLING_BACK:
            return _drain(o, policy, now)
        case StageKind.STABLE:
            return Stay(Reason.COMPLETE, f"{now.stage.revision} serves all requests")
        case StageKind.ROLLED_BACK:
            return Stay(Reason.ROLLED_BACK, now.stage.message)
        case _:
            assert_never(now.stage.kind)


def _examined(o: Observation, policy: Policy, now: Standing) -> health.Health:
    """Return the health of a candidate on trial; whoever cannot be seen is not called ill."""
    if o.blind or now.stage.kind not in stages.TRIALS:
        return health.Fit()
    return health.examine(o.workload(now.stage.revision), now.stage, policy.rollout, o.now)


def _enter(
    o: Observation,
    rung: stages.Rung,
    revision: str,
    reason: Reason,
    message: str,
    decided_by: Decider | None = None,
) -> Stage:
    return Stage(
        name=rung.name,
        kind=rung.kind,
        index=rung.index,
        revision=revision,
        start_time=o.now,
        reason=reason,
        message=message[:1024],
        decided_by=decided_by,
        soak_time=o.now,
    )


def _begin(o: Observation, wanted: str, stable: str | None, failed: tuple[str, ...]) -> Standing:
    message = f"loading {wanted}" + ("" if stable else ", the first revision")
    stage = _enter(o, stages.LOADING, wanted, Reason.NEW_REVISION, message)
    return Standing(stage, stable=stable, candidate=wanted, failed=failed)


def _turn(o: Observation, now: Standing, wanted: str) -> Standing:
    """The spec asks for another revision than the one in the stage."""
    if wanted == now.stable:
        message = f"back to {wanted}, which serves"
        stage = _enter(o, stages.STABLE, wanted, Reason.RETURNED, message)
        return Standing(stage, stable=now.stable, candidate=None, failed=now.failed)
    known = o.revisions.get(wanted)
    if wanted in now.failed or (known and known.status.outcome is Outcome.ROLLED_BACK):
        why = known.status.message if known else ""
        message = f"{wanted} was rolled back before and is not tried again: {why or 'see above'}"
        stage = _enter(o, stages.ROLLED_BACK, wanted, Reason.ROLLED_BACK, message)
        return Standing(stage, stable=now.stable, candidate=None, failed=now.failed)
    return _begin(o, wanted, now.stable, now.failed)


def _fall(
    o: Observation,
    policy: Policy,
    now: Standing,
    readings: tuple[Reading, ...],
    examined: health.Health,
) -> Course | None:
    """Return the way back down, None if nothing asks for it (as always outside a trial)."""
    revision = now.stage.revision
    if isinstance(examined, health.Ill):
        return Move(_rolled_back(o, now, examined.reason, f"{revision}: {examined.message}", None))
    failed = gates.failed(readings)
    if failed is None:
        return None
    message = (
        f"{revision}: gate {failed.name} is {failed.value}, must be {failed.bound},"
        f" {failed.message} in {now.stage.name}"
    )
    if _nowhere_to_go(o, now):
        return Stay(
            Reason.STABLE_UNAVAILABLE,
            f"{message}; cannot roll back: {now.stable} has no ready replica",
        )
    gate = next(g for g in policy.gates if g.name == failed.name)
    measurement = o.measurements.get(failed.name)
    query = measurement.query if isinstance(measurement, Measured | Unanswered) else ""
    evidence = gates.decider(gate, failed, query, now.stage.name)
    return Move(_rolled_back(o, now, Reason.GATE_FAILED, message, evidence))


def _nowhere_to_go(o: Observation, now: Standing) -> bool:
    """Whether users would lose the only arm that answers."""
    live = now.stage.kind in {StageKind.WEIGHT, StageKind.BAKE}
    seen = live and now.stable is not None and not o.blind
    return seen and o.workload(now.stable or "").ready == 0


def _rolled_back(
    o: Observation, now: Standing, reason: Reason, message: str, evidence: Decider | None
) -> Standing:
    revision = now.stage.revision
    stage = _enter(o, stages.ROLLING_BACK, revision, reason, message, evidence)
    failed = (*(r for r in now.failed if r != revision), revision)[-FAILED_REVISIONS_LENGTH:]
    return Standing(stage, stable=now.stable, candidate=None, failed=failed)


def _drain(o: Observation, policy: Policy, now: Standing) -> Course:
    revision = now.stage.revision
    split = gateway_api.read(o.route.spec) if o.route and o.route.ours else None
    if split is not None and revision in split.revisions:
        return Stay(Reason.DRAINING, f"moving the traffic of {revision} back")
    waited = (o.now - now.stage.start_time).total_seconds()
    if waited < policy.rollout.drain_seconds:
        return Stay(Reason.DRAINING, f"{now.stage.message}; its last requests end")
    stage = _enter(
        o,
        stages.ROLLED_BACK,
        revision,
        now.stage.reason,
        now.stage.message,
        now.stage.decided_by,
    )
    return Move(Standing(stage, now.stable, None, now.failed))


def _trial(
    o: Observation,
    policy: Policy,
    now: Standing,
    readings: tuple[Reading, ...],
    examined: health.Health,
) -> Course:
    rollout = policy.rollout
    weight = o.status.candidate.weight_percent if o.status.candidate else 0
    other = stages.replacement(now.stage, weight, rollout)
    if other is not None:
        message = f"the spec has no stage {now.stage.name} any more: on to {other.name}"
        stage = _enter(o, other, now.stage.revision, Reason.LADDER_CHANGED, message)
        return Move(Standing(stage, now.stable, now.candidate, now.failed))
    if isinstance(examined, health.Unfit):
        return Stay(examined.reason, f"{now.stage.revision}: {examined.message}")
    held = _held(o, policy, now, readings)
    if held is not None:
        return held
    first = now.stable is None
    rung = stages.above(now.stage, rollout, first=first)
    revision = now.stage.revision
    reason, message = _why_up(now.stage, rung, revision, readings, first=first)
    stage = _enter(o, rung, revision, reason, message)
    if rung.kind is StageKind.STABLE:
        return Move(Standing(stage, stable=revision, candidate=None, failed=now.failed))
    return Move(Standing(stage, now.stable, now.candidate, now.failed))


def _held(
    o: Observation, policy: Policy, now: Standing, readings: tuple[Reading, ...]
) -> Stay | None:
    """Return why a healthy candidate stays, None if it may climb."""
    rollout = policy.rollout
    if policy.paused:
        return Stay(Reason.PAUSED, f"{now.stage.name}: paused by the spec")
    if now.stage.kind is StageKind.LOADING:
        return None
    if o.route is not None and o.route.refused:
        return Stay(Reason.GATEWAY_REFUSED, f"no traffic gets through: {o.route.refused}")
    least = soak.min_seconds(rollout, now.stage)
    period = soak.write_period_seconds(rollout, least)
    soaked = soak.soaked_seconds(now.stage, o.now, period, rollout.interval_seconds)
    clock = f"{soaked:.0f} of {least} s"
    match gates.worst(readings):
        case Reading(verdict=Verdict.BROKEN, name=name, message=why):
            return Stay(
                Reason.METRICS_UNAVAILABLE,
                f"{now.stage.name}: holding, gate {name} cannot be asked: {why}",
            )
        case Reading(verdict=Verdict.NO_DATA, name=name, message=why):
            return Stay(
                Reason.NO_DATA, f"{now.stage.name}: holding, gate {name} has no data: {why}"
            )
        case Reading(name=name, message=why):
            return Stay(
                Reason.WAITING_FOR_SAMPLES,
                f"{now.stage.name}: gate {name} has {why}, {clock}",
                soaking=True,
            )
        case None:
            pass
    if soaked < least:
        return Stay(Reason.SOAKING, f"{now.stage.name}: gates pass, {clock}", soaking=True)
    return None


def _why_up(
    stage: Stage,
    rung: stages.Rung,
    revision: str,
    readings: tuple[Reading, ...],
    *,
    first: bool,
) -> tuple[Reason, str]:
    if first:
        return Reason.FIRST_REVISION, f"{revision} serves: there was nothing to compare it with"
    if stage.kind is StageKind.LOADING:
        return Reason.LOADED, f"every replica of {revision} is ready and warm"
    evidence = ", ".join(f"{r.name} {r.value} ({r.bound})" for r in readings if r.role == "Gate")
    passed = f"passed {stage.name}" + (f": {evidence}" if evidence else " on health alone: no gate")
    if rung.kind is StageKind.STABLE:
        return Reason.PROMOTED, f"{revision} {passed}"
    return Reason.GATES_PASSED, f"{revision} {passed}"
