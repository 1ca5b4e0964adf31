"""Stories of rollouts, told pass by pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.world import BAD, DOWN, FEW, GOOD, NOTHING, STALE, World, a_spec, healthy, serving
from sluice.api.reasons import ConditionType, Outcome, Reason, StageKind, Verdict
from sluice.core.actions import ApplyRoute
from sluice.core.decide import decide
from sluice.core.observation import Measurement, Pod, Workload


def condition(world: World, kind: ConditionType) -> tuple[str, str]:
    found = next(c for c in world.status.conditions if c.type is kind)
    return found.status, found.reason


def test_the_first_revision_serves_as_soon_as_it_is_loaded() -> None:
    world = World()
    world.run_until("stable")
    world.step()

    assert world.status.stable is not None
    assert (world.wanted(), 100) == (
        world.status.stable.revision,
        world.split().weight_of(world.wanted()),
    )
    assert ("True", Reason.SERVING) == condition(world, ConditionType.READY)
    assert Outcome.STABLE is world.histories[world.wanted()].outcome


def test_a_good_revision_climbs_every_stage_and_the_old_one_is_let_go() -> None:
    world = serving("v1")
    old = world.wanted()
    world.edit(a_spec("v2"))
    new = world.wanted()
    seen: list[tuple[str, int]] = []
    for _ in range(60):
        world.step()
        assert world.status.stage is not None
        here = (world.status.stage.name, world.split().weight_of(new))
        if here not in seen:
            seen.append(here)

    expected = [
        ("loading", 0), ("shadow", 0), ("few", 5), ("half", 50), ("bake", 100), ("stable", 100),
    ]  # fmt: skip
    assert expected == seen
    assert {new} == set(world.services)
    assert Outcome.RETIRED is world.histories[old].outcome
    assert ["loading", "shadow", "few", "half", "bake", "stable"] == [
        entry.stage for entry in world.histories[new].timeline
    ]


@pytest.mark.parametrize("stage", ["shadow", "few", "half", "bake"])
def test_a_failing_gate_rolls_back_in_the_same_pass(stage: str) -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    bad = world.wanted()
    world.run_until(stage)
    world.answers[bad] = BAD
    world.step()

    assert {stable} == world.split().revisions
    assert StageKind.ROLLING_BACK is world.status.stage.kind  # type: ignore[union-attr]
    world.run(10)
    history = world.histories[bad]
    assert (Outcome.ROLLED_BACK, Reason.GATE_FAILED) == (history.outcome, history.reason)
    assert history.decided_by is not None
    assert ("errors", "0.5", "<= 0.02", 1000, stage, "q") == (
        history.decided_by.gate,
        history.decided_by.value,
        history.decided_by.bound,
        history.decided_by.samples,
        history.decided_by.stage,
        history.decided_by.query,
    )
    assert {stable} == set(world.services)
    assert ("True", Reason.GATE_FAILED) == condition(world, ConditionType.DEGRADED)


def test_a_rolled_back_revision_is_not_tried_again() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    bad = world.wanted()
    world.run_until("few")
    world.answers[bad] = BAD
    world.run(5)
    world.answers[bad] = GOOD
    world.run(50)
    world.edit(a_spec("v1"))
    world.run(5)
    world.edit(a_spec("v2"))
    world.run(50)

    assert {stable} == world.split().revisions
    assert StageKind.ROLLED_BACK is world.status.stage.kind  # type: ignore[union-attr]
    assert bad in world.status.failed_revisions


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        pytest.param(NOTHING, Verdict.NO_DATA, Reason.NO_DATA, id="no series"),
        pytest.param(STALE, Verdict.NO_DATA, Reason.NO_DATA, id="stale"),
        pytest.param(DOWN, Verdict.BROKEN, Reason.METRICS_UNAVAILABLE, id="source down"),
        pytest.param(FEW, Verdict.WAIT, Reason.WAITING_FOR_SAMPLES, id="few samples"),
    ],
)
@pytest.mark.parametrize("stage", ["shadow", "few", "half", "bake"])
def test_without_evidence_it_holds_and_goes_on_when_it_comes(
    stage: str, answer: Measurement, verdict: Verdict, reason: Reason
) -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    new = world.wanted()
    world.run_until(stage)
    before = world.split()
    world.answers[new] = answer
    world.run(200)

    assert stage == world.status.stage.name  # type: ignore[union-attr]
    assert before == world.split()
    assert [verdict] == [r.verdict for r in world.status.gates]
    assert ("True", reason) == condition(world, ConditionType.PROGRESSING)
    world.answers[new] = GOOD
    world.run_until("stable")


def test_time_without_data_is_no_soak_time() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("few")
    world.answers[world.wanted()] = DOWN
    world.run(100)
    world.answers[world.wanted()] = GOOD
    world.step()
    world.step()

    assert "few" == world.status.stage.name  # type: ignore[union-attr]
    assert world.status.stage.soak_seconds < 15  # type: ignore[union-attr]


def test_time_in_which_nobody_looked_is_no_soak_time() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("few")
    world.step()
    world.step(seconds=3_600)

    assert "few" == world.status.stage.name  # type: ignore[union-attr]
    assert world.status.stage.soak_seconds < 15  # type: ignore[union-attr]


def test_paused_it_stays_and_a_failing_gate_still_rolls_back() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    world.run_until("few")
    world.edit(a_spec("v2", paused=True))
    world.run(100)
    assert "few" == world.status.stage.name  # type: ignore[union-attr]
    assert ("True", Reason.PAUSED) == condition(world, ConditionType.PROGRESSING)

    world.answers[world.wanted()] = BAD
    world.step()
    assert {stable} == world.split().revisions


def test_a_watched_gate_decides_nothing() -> None:
    watched = [dict(a_spec()["gates"][0], role="Watch")]
    world = serving("v1")
    world.edit(a_spec("v2", gates=watched))
    world.answers[world.wanted()] = BAD
    world.run_until("stable")


def test_a_newer_revision_takes_the_place_of_the_candidate() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    second = world.wanted()
    world.run_until("half")
    world.edit(a_spec("v3"))
    third = world.wanted()
    world.step()

    assert {stable} == world.split().revisions
    assert (third, "loading") == (
        world.status.stage.revision,  # type: ignore[union-attr]
        world.status.stage.name,  # type: ignore[union-attr]
    )
    world.run(3)
    assert Outcome.SUPERSEDED is world.histories[second].outcome
    assert second not in world.services
    world.run_until("stable")
    assert {third} == world.split().revisions


def test_going_back_to_stable_ends_the_rollout_at_once() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    world.run_until("half")
    world.edit(a_spec("v1"))
    world.step()

    assert {stable} == world.split().revisions
    assert Reason.RETURNED is world.status.stage.reason  # type: ignore[union-attr]


def test_a_crash_loop_rolls_back_without_any_metric() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    bad = world.wanted()
    pod = Pod(name="p", ready=False, restarts=3, waiting="CrashLoopBackOff")
    world.sick[bad] = Workload(exists=True, desired=1, pods=(pod,))
    world.run(10)

    assert Reason.CRASH_LOOP is world.histories[bad].reason
    assert {stable} == world.split().revisions


def test_never_ready_rolls_back_at_the_deadline_and_names_why() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    bad = world.wanted()
    pod = Pod(name="p", ready=False, waiting="ImagePullBackOff")
    world.sick[bad] = Workload(exists=True, desired=1, pods=(pod,))
    world.run(22)
    assert StageKind.LOADING is world.status.stage.kind  # type: ignore[union-attr]
    world.run(10)

    assert Reason.NEVER_READY is world.histories[bad].reason
    assert "ImagePullBackOff" in world.histories[bad].message


def test_waiting_for_a_node_is_no_fault_of_the_model() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    bad = world.wanted()
    pod = Pod(name="p", ready=False, unschedulable="0/1 nodes: Insufficient nvidia.com/gpu")
    world.sick[bad] = Workload(exists=True, desired=1, pods=(pod,))
    world.run(200)

    assert StageKind.LOADING is world.status.stage.kind  # type: ignore[union-attr]
    assert ("True", Reason.WAITING_FOR_CAPACITY) == condition(world, ConditionType.PROGRESSING)


def test_live_traffic_on_no_ready_pod_rolls_back() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    world.run_until("half")
    pod = Pod(name="p", ready=False)
    world.services[world.wanted()] = Workload(exists=True, desired=1, pods=(pod,))
    world.step()

    assert {stable} == world.split().revisions
    assert Reason.UNREADY is world.status.stage.reason  # type: ignore[union-attr]


def test_traffic_never_goes_back_to_a_stable_without_pods() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    world.run_until("bake")
    world.services[stable] = replace(healthy(stable), pods=())
    world.answers[world.wanted()] = BAD
    world.run(5)
    assert {world.wanted()} == world.split().revisions
    assert ("True", Reason.STABLE_UNAVAILABLE) == condition(world, ConditionType.PROGRESSING)

    world.services[stable] = healthy(stable)
    world.step()
    assert {stable} == world.split().revisions


def test_an_invalid_spec_is_refused_with_field_and_fix_and_the_rollout_goes_on() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    new = world.wanted()
    world.run_until("few")
    broken = a_spec("v9")
    broken["gates"][0]["ratio"]["denominator"] = "sum(r"
    world.edit(broken)
    world.step()

    accepted = next(c for c in world.status.conditions if c.type is ConditionType.ACCEPTED)
    assert "False" == accepted.status
    assert "spec.gates[0].ratio.denominator: is not PromQL" in accepted.message
    world.run_until("half")
    world.answers[new] = BAD
    world.step()
    assert StageKind.ROLLING_BACK is world.status.stage.kind  # type: ignore[union-attr]


def test_a_first_spec_that_is_invalid_touches_nothing_and_says_so() -> None:
    world = World(raw_spec=a_spec(gates=[{"name": "x", "max": "1", "mean": {"histogram": "}{"}}]))
    decision = world.step()

    assert () == decision.actions
    assert ("False", Reason.INVALID_SPEC) == condition(world, ConditionType.ACCEPTED)


def test_a_foreign_edit_of_the_route_is_put_back() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("few")
    before = world.split()
    assert world.route is not None
    world.route["rules"][0]["backendRefs"][0]["weight"] = 1
    decision = decide(world.observe())

    assert any(isinstance(a, ApplyRoute) for a in decision.actions)
    world.apply(decision)
    assert before == world.split()


def test_a_gate_edit_changes_no_revision_and_is_judged_at_once() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    new = world.wanted()
    world.answers[new] = replace(GOOD, value=0.015)
    world.run_until("half")
    strict = a_spec("v2")
    strict["gates"][0]["max"] = "0.01"
    world.edit(strict)
    assert new == world.wanted()
    world.step()

    assert {stable} == world.split().revisions
    assert Outcome.ROLLED_BACK is world.histories[new].outcome


def test_a_stage_that_leaves_the_spec_is_replaced_without_raising_traffic() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("half")
    shorter = a_spec("v2")
    shorter["rollout"]["stages"] = [
        {"name": "tiny", "weightPercent": 1, "minSeconds": 20},
        {"name": "most", "weightPercent": 90, "minSeconds": 20},
    ]
    world.edit(shorter)
    world.step()

    assert 1 == world.split().weight_of(world.wanted())
    world.run_until("stable")


def test_a_gateway_that_refuses_the_route_holds_the_climb() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("shadow")
    world.refused = "Accepted: NotAllowedByListeners: no"
    world.run(100)

    assert "shadow" == world.status.stage.name  # type: ignore[union-attr]
    assert ("False", Reason.GATEWAY_REFUSED) == condition(world, ConditionType.READY)


def test_a_route_of_somebody_else_is_never_touched() -> None:
    theirs = {"hostnames": ["shop.example.com"], "rules": [{"backendRefs": [{"name": "shop"}]}]}
    world = World(route=dict(theirs), refused="HTTPRoute digits is not Sluice's", ours=False)
    world.run(30)

    assert theirs == world.route
    assert ("False", Reason.GATEWAY_REFUSED) == condition(world, ConditionType.READY)


def test_a_service_without_a_revision_is_let_go() -> None:
    world = serving("v1")
    world.services["digits-orphan"] = healthy("digits-orphan")
    world.step(300)

    assert {world.wanted()} == set(world.services)


@pytest.mark.parametrize("stage", ["shadow", "few", "half", "bake"])
def test_blind_for_pods_it_holds_and_a_failing_gate_still_rolls_back(stage: str) -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    bad = world.wanted()
    world.run_until(stage)
    services, before = dict(world.services), world.split()
    world.blind = "cannot list pods: 503"
    world.run(100)
    assert (stage, before, services) == (
        world.status.stage.name,  # type: ignore[union-attr]
        world.split(),
        world.services,
    )
    assert ("True", Reason.CLUSTER_UNREADABLE) == condition(world, ConditionType.PROGRESSING)

    world.answers[bad] = BAD
    world.step()
    assert {stable} == world.split().revisions
    world.blind = None
    world.run(5)
    assert Outcome.ROLLED_BACK is world.histories[bad].outcome
    assert world.histories[bad].decided_by is not None


def test_old_revisions_are_forgotten_beyond_the_limit() -> None:
    world = serving("v0", revisionHistoryLimit=2)
    for i in range(1, 7):
        world.edit(a_spec(f"v{i}", revisionHistoryLimit=2))
        world.run_until("loading")
        world.run_until("stable")
        world.run(5)

    assert 3 == len(world.specs)
    assert world.wanted() in world.specs


def test_an_idle_deployment_writes_nothing() -> None:
    world = serving("v1")
    for _ in range(20):
        decision = world.step(seconds=300)
        assert (None, (), (), None) == (
            decision.status,
            decision.actions,
            decision.events,
            decision.requeue_seconds,
        )
