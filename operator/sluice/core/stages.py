"""The ladder: the table `(stage, verdict) -> stage`, and what traffic each stage means.

The table is the only place that says which stage follows which; documentation and
property tests walk it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sluice.api.reasons import StageKind
from sluice.api.spec import Rollout, StageSpec
from sluice.api.status import Stage
from sluice.routers.split import Split

LOADING_STAGE = "loading"
BAKE_STAGE = "bake"


class Step(StrEnum):
    """What a judgement does to the stage."""

    CLIMB = "Climb"
    HOLD = "Hold"
    FALL = "Fall"


K = StageKind
TABLE: dict[tuple[StageKind, Step], frozenset[StageKind]] = {
    (K.LOADING, Step.CLIMB): frozenset({K.SHADOW, K.WEIGHT, K.BAKE, K.STABLE}),
    (K.SHADOW, Step.CLIMB): frozenset({K.SHADOW, K.WEIGHT, K.BAKE}),
    (K.WEIGHT, Step.CLIMB): frozenset({K.WEIGHT, K.BAKE}),
    (K.BAKE, Step.CLIMB): frozenset({K.STABLE}),
    (K.LOADING, Step.FALL): frozenset({K.ROLLING_BACK}),
    (K.SHADOW, Step.FALL): frozenset({K.ROLLING_BACK}),
    (K.WEIGHT, Step.FALL): frozenset({K.ROLLING_BACK}),
    (K.BAKE, Step.FALL): frozenset({K.ROLLING_BACK}),
    (K.ROLLING_BACK, Step.CLIMB): frozenset({K.ROLLED_BACK}),
}
"""Where each step may lead. HOLD stays; what is not here does not happen."""

TRIALS = frozenset({K.LOADING, K.SHADOW, K.WEIGHT, K.BAKE})
"""Stages in which a candidate is on trial."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A stage to enter: its name, kind and place."""

    name: str
    kind: StageKind
    index: int = 0


def rung(spec: StageSpec, index: int) -> Rung:
    """Return the rung of a stage of the user's."""
    kind = StageKind.SHADOW if spec.mirror_percent is not None else StageKind.WEIGHT
    return Rung(spec.name, kind, index)


BAKE = Rung(BAKE_STAGE, StageKind.BAKE)
STABLE = Rung("stable", StageKind.STABLE)
ROLLING_BACK = Rung("rolling-back", StageKind.ROLLING_BACK)
ROLLED_BACK = Rung("rolled-back", StageKind.ROLLED_BACK)
LOADING = Rung(LOADING_STAGE, StageKind.LOADING)


def above(stage: Stage, rollout: Rollout, *, first: bool) -> Rung:
    """Return the rung after `stage`. A `first` revision has nobody to be compared with."""
    match stage.kind:
        case StageKind.LOADING if first:
            return STABLE
        case StageKind.LOADING:
            following = 0
        case StageKind.BAKE:
            return STABLE
        case StageKind.ROLLING_BACK:
            return ROLLED_BACK
        case _:
            names = [s.name for s in rollout.stages]
            following = names.index(stage.name) + 1 if stage.name in names else stage.index
    if following < len(rollout.stages):
        return rung(rollout.stages[following], following)
    return BAKE


def replacement(stage: Stage, weight_percent: int, rollout: Rollout) -> Rung | None:
    """Return where to stand when the spec no longer has `stage`, None if it still has.

    The highest rung that gives the candidate no more live traffic than it had; loading if
    there is none.
    """
    if stage.kind not in {StageKind.SHADOW, StageKind.WEIGHT}:
        return None
    for index, spec in enumerate(rollout.stages):
        if spec.name == stage.name and rung(spec, index).kind is stage.kind:
            return None
    lower = [
        rung(spec, i)
        for i, spec in enumerate(rollout.stages)
        if (spec.weight_percent or 0) <= weight_percent
    ]
    return lower[-1] if lower else LOADING


def split_at(rung: Rung, rollout: Rollout, stable: str | None, candidate: str) -> Split | None:
    """Return the traffic of `rung`; None while nothing may serve yet."""
    if stable is None:
        return Split.of(candidate) if rung.kind is StageKind.STABLE else None
    match rung.kind:
        case StageKind.SHADOW:
            percent = rollout.stages[rung.index].mirror_percent or 0
            return Split(((stable, 100),), mirror=candidate, mirror_percent=percent)
        case StageKind.WEIGHT:
            return Split.of(stable, candidate, rollout.stages[rung.index].weight_percent or 0)
        case StageKind.BAKE:
            return Split.of(candidate)
        case StageKind.LOADING | StageKind.STABLE | StageKind.ROLLING_BACK | StageKind.ROLLED_BACK:
            return Split.of(stable)


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    arrows = [
        f"    {start} --> {end}: {step.lower()}"
        for (start, step), ends in TABLE.items()
        for end in sorted(ends)
    ]
    return "\n".join(["stateDiagram-v2", "    [*] --> Loading", *arrows])
