"""Workload health as a judge of its own: it needs no Prometheus and no sample."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluice.api.reasons import Reason, StageKind
from sluice.api.spec import Rollout
from sluice.api.status import Stage
from sluice.core.observation import Workload

CRASHES = 3
"""Restarts of one pod from which it counts as a crash loop."""


@dataclass(frozen=True, slots=True)
class Ill:
    """The candidate must go; `message` says why in a sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """The candidate is not ready for its stage; wait."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Fit:
    """Every replica that was asked for is ready."""


Health = Ill | Unfit | Fit


def examine(workload: Workload, stage: Stage, rollout: Rollout, now: datetime) -> Health:
    """Return how the candidate's pods are, seen from `stage`."""
    if crashed := _crash_loop(workload):
        return crashed
    match stage.kind:
        case StageKind.LOADING:
            return _loading(workload, stage, rollout, now)
        case StageKind.WEIGHT | StageKind.BAKE if workload.ready == 0:
            return Ill(
                Reason.UNREADY, f"no replica is ready while it has live traffic{_because(workload)}"
            )
        case _ if not workload.complete:
            return Unfit(
                Reason.WAITING_FOR_REPLICAS,
                f"{workload.ready} of {workload.desired} replicas ready{_because(workload)}",
            )
        case _:
            return Fit()


def _crash_loop(workload: Workload) -> Ill | None:
    for pod in workload.pods:
        if pod.restarts >= CRASHES and not pod.ready:
            return Ill(
                Reason.CRASH_LOOP,
                f"pod {pod.name} restarted {pod.restarts} times and is not ready:"
                f" kubectl logs {pod.name} --previous",
            )
    return None


def _loading(workload: Workload, stage: Stage, rollout: Rollout, now: datetime) -> Health:
    if workload.warmed:
        return Fit()
    seconds = (now - stage.start_time).total_seconds()
    homeless = next((p.unschedulable for p in workload.pods if p.unschedulable), None)
    if homeless:
        return Unfit(Reason.WAITING_FOR_CAPACITY, f"no node takes a replica: {homeless}")
    have = f"{workload.ready} of {workload.desired} replicas ready"
    if workload.complete:
        have += ", waiting for the model to load and answer the warm-up requests"
    if seconds > rollout.loading_deadline_seconds:
        return Ill(
            Reason.NEVER_READY,
            f"{have} after {seconds:.0f} s,"
            f" limit {rollout.loading_deadline_seconds} s{_because(workload)}",
        )
    reason = Reason.WARMING_UP if workload.complete else Reason.WAITING_FOR_REPLICAS
    return Unfit(reason, f"{have}{_because(workload)}")


def _because(workload: Workload) -> str:
    waiting = sorted({p.waiting for p in workload.pods if p.waiting and not p.ready})
    return f" ({', '.join(waiting)})" if waiting else ""
