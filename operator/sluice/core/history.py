"""The history of a revision, derived from the stages that the status went through.

The status of the ModelDeployment is written first; whatever of it is not yet in
the ModelRevision is added by the next pass, so that a crash loses nothing.
"""

from __future__ import annotations

from datetime import datetime

from sluice.api.reasons import Outcome, Reason, StageKind
from sluice.api.status import (
    TIMELINE_LENGTH,
    ModelRevisionStatus,
    Reading,
    Stage,
    TimelineEntry,
)
from sluice.routers.split import Split

_OUTCOMES = {
    StageKind.LOADING: Outcome.IN_PROGRESS,
    StageKind.SHADOW: Outcome.IN_PROGRESS,
    StageKind.WEIGHT: Outcome.IN_PROGRESS,
    StageKind.BAKE: Outcome.IN_PROGRESS,
    StageKind.STABLE: Outcome.STABLE,
    StageKind.ROLLING_BACK: Outcome.ROLLED_BACK,
    StageKind.ROLLED_BACK: Outcome.ROLLED_BACK,
}


def record(
    status: ModelRevisionStatus, stage: Stage, split: Split | None, readings: tuple[Reading, ...]
) -> ModelRevisionStatus:
    """Return `status` with the entry into `stage` and the last readings in it.

    Doing it twice changes nothing.
    """
    entry = TimelineEntry(
        stage=stage.name,
        kind=stage.kind,
        weight_percent=split.weight_of(stage.revision) if split else 0,
        mirror_percent=split.mirror_percent if split and split.mirror == stage.revision else 0,
        time=stage.start_time,
        reason=stage.reason,
        message=stage.message,
    )
    update: dict[str, object] = {"gates": _merged(status.gates, readings)}
    known = any(e.time == entry.time and e.stage == entry.stage for e in status.timeline)
    if not known:
        update["timeline"] = (*status.timeline, entry)[-TIMELINE_LENGTH:]
    outcome = _OUTCOMES[stage.kind]
    if status.outcome is not outcome or status.outcome_time is None:
        update |= {
            "outcome": outcome,
            "outcome_time": stage.start_time,
            "reason": stage.reason,
            "message": stage.message,
            "decided_by": stage.decided_by,
        }
    return status.model_copy(update=update)


def ended(
    status: ModelRevisionStatus, outcome: Outcome, reason: Reason, message: str, now: datetime
) -> ModelRevisionStatus:
    """Return `status` of a revision whose life ended without a stage of its own."""
    return status.model_copy(
        update={
            "outcome": outcome,
            "outcome_time": now,
            "reason": reason,
            "message": message,
            "decided_by": None,
        }
    )


def _merged(old: tuple[Reading, ...], new: tuple[Reading, ...]) -> tuple[Reading, ...]:
    merged = {r.name: r for r in old} | {r.name: r for r in new}
    return tuple(merged.values())
