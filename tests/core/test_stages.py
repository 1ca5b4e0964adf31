"""The ladder keeps to its table, and the documentation is drawn from it."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from core.world import EPOCH
from sluice.api.reasons import Reason, StageKind
from sluice.api.spec import Rollout, StageSpec
from sluice.api.status import Stage
from sluice.core import stages
from sluice.core.stages import TABLE, TRIALS, Step

PAGE = Path(__file__).parents[2] / "docs" / "stages.md"


@st.composite
def ladders(draw: st.DrawFn) -> Rollout:
    shadows = draw(st.lists(st.integers(1, 100), max_size=3))
    weights = sorted(draw(st.sets(st.integers(1, 100), max_size=5)))
    specs = [StageSpec(name=f"s{i}", mirror_percent=p) for i, p in enumerate(shadows)]
    specs += [StageSpec(name=f"w{p}", weight_percent=p) for p in weights]
    return Rollout(stages=tuple(specs))


def entered(rung: stages.Rung) -> Stage:
    return Stage(
        name=rung.name,
        kind=rung.kind,
        index=rung.index,
        revision="r",
        start_time=EPOCH,
        soak_time=EPOCH,
        reason=Reason.LOADED,
    )


@given(rollout=ladders())
def test_every_ladder_climbs_by_the_table_and_ends_stable(rollout: Rollout) -> None:
    rung, weight = stages.LOADING, 0
    for _ in range(len(rollout.stages) + 2):
        following = stages.above(entered(rung), rollout, first=False)
        assert following.kind in TABLE[rung.kind, Step.CLIMB]
        split = stages.split_at(following, rollout, "stable", "candidate")
        assert split is not None
        if following.kind is not StageKind.STABLE:
            assert split.weight_of("candidate") >= weight, "traffic only grows on the way up"
            weight = split.weight_of("candidate")
        rung = following

    assert StageKind.STABLE is rung.kind


def test_every_trial_may_fall() -> None:
    assert {kind for kind, step in TABLE if step is Step.FALL} == set(TRIALS)


@given(rollout=ladders(), weight=st.integers(0, 100))
def test_a_lost_stage_is_replaced_without_more_traffic(rollout: Rollout, weight: int) -> None:
    lost = entered(stages.Rung("gone", StageKind.WEIGHT, 1))
    rung = stages.replacement(lost, weight, rollout)

    assert rung is not None
    split = stages.split_at(rung, rollout, "stable", "candidate")
    assert split is not None
    assert split.weight_of("candidate") <= weight


def test_the_page_shows_the_table() -> None:
    assert stages.diagram() in PAGE.read_text(), "docs/stages.md: paste core.stages.diagram()"
