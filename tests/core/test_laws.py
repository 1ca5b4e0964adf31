"""Laws that hold in every rollout, whatever happens and wherever the operator dies."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.world import BAD, DOWN, FEW, GOOD, NOTHING, STALE, World, a_spec, healthy
from sluice.api.reasons import Outcome, StageKind
from sluice.core.decide import decide
from sluice.core.observation import Pod, Workload
from sluice.core.stages import TABLE, TRIALS, Step
from sluice.routers.split import Split

ANSWERS = st.sampled_from([GOOD, BAD, DOWN, FEW, NOTHING, STALE])
MODELS = st.sampled_from(["v1", "v2", "v3", "v4"])


class Rollouts(RuleBasedStateMachine):
    """Any order of edits, metrics, illnesses, crashes and passes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.stage_seen: tuple[str, StageKind] | None = None
        self.refused: set[str] = set()

    @initialize(model=MODELS)
    def begin(self, model: str) -> None:
        self.world = World(raw_spec=a_spec(model))

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 5.0, 5.0, 60.0, 3600.0]), count=st.integers(1, 8))
    def passes(self, seconds: float, count: int) -> None:
        for _ in range(count):
            before = self._split()
            allowed = self._climb_is_earned()
            self.world.step(seconds)
            self._check_step(before, allowed=allowed)

    @rule(crash_after=st.integers(0, 4))
    def crash(self, crash_after: int) -> None:
        before = self._split()
        allowed = self._climb_is_earned()
        self.world.step(5.0, crash_after=crash_after)
        self._check_step(before, allowed=allowed)

    @rule(model=MODELS)
    def edit(self, model: str) -> None:
        self.world.edit(a_spec(model))

    @rule(model=MODELS)
    def edit_badly(self, model: str) -> None:
        broken = a_spec(model)
        broken["gates"][0]["ratio"]["numerator"] = "{{"
        self.world.edit(broken)

    @rule(model=MODELS, paused=st.booleans())
    def pause(self, model: str, *, paused: bool) -> None:
        self.world.edit(a_spec(model, paused=paused))

    @rule(model=MODELS, answer=ANSWERS)
    def metrics(self, model: str, answer: object) -> None:
        name = World(raw_spec=a_spec(model)).wanted()
        self.world.answers[name] = answer  # type: ignore[assignment]

    @rule(model=MODELS, restarts=st.integers(0, 4), ready=st.booleans())
    def pods(self, model: str, restarts: int, *, ready: bool) -> None:
        name = World(raw_spec=a_spec(model)).wanted()
        pod = Pod(name=f"{name}-pod", ready=ready, restarts=restarts)
        sick = Workload(
            exists=True, desired=1, pods=(pod,), warm=frozenset({pod.name} if ready else ())
        )
        self.world.sick[name] = sick
        if name in self.world.services:
            self.world.services[name] = sick

    @rule(model=MODELS)
    def recover(self, model: str) -> None:
        name = World(raw_spec=a_spec(model)).wanted()
        self.world.sick.pop(name, None)
        if name in self.world.services:
            self.world.services[name] = healthy(name)

    @rule(blind=st.sampled_from([None, None, "cannot list pods: 503"]))
    def lose_sight(self, blind: str | None) -> None:
        self.world.blind = blind

    @rule()
    def vandalise_the_route(self) -> None:
        if self.world.route is not None:
            self.world.route["hostnames"] = ["stolen.example.com"]

    def _split(self) -> Split | None:
        return self.world.split() if self.world.route else None

    def _climb_is_earned(self) -> bool:
        """Whether the candidate's own evidence lets it rise in the next pass."""
        stage = self.world.status.stage
        if stage is None or stage.kind not in TRIALS - {StageKind.LOADING}:
            return True
        answer = self.world.answers.get(stage.revision, GOOD)
        return answer is GOOD or not self.world.observe().policy.gates  # type: ignore[union-attr]

    def _check_step(self, before: Split | None, *, allowed: bool) -> None:
        after = self._split()
        candidate = self.world.status.candidate
        if before is None or after is None or candidate is None:
            return
        rose = after.weight_of(candidate.revision) > before.weight_of(candidate.revision)
        known = candidate.revision in before.revisions
        assert allowed or not (rose and known), "traffic rose without evidence"

    @invariant()
    def refused_revisions_never_get_traffic_again(self) -> None:
        self.refused |= set(self.world.status.failed_revisions)
        stage = self.world.status.stage
        if self.world.route is None or stage is None:
            return
        decision = decide(self.world.observe())
        copy = World(route=self.world.route)
        for action in decision.actions:
            if hasattr(action, "manifest") and action.manifest["kind"] == "HTTPRoute":
                copy.route = dict(action.manifest["spec"])
        assert not self.refused & copy.split().revisions

    @invariant()
    def deciding_twice_is_deciding_once(self) -> None:
        observation = self.world.observe()
        assert decide(observation) == decide(observation)

    @invariant()
    def stages_follow_the_table(self) -> None:
        stage = self.world.status.stage
        if stage is None:
            return
        here = (stage.revision, stage.kind)
        seen, self.stage_seen = self.stage_seen, here
        if seen is None or seen[0] != here[0] or seen[1] is here[1]:
            return
        reachable = {kind for step in Step for kind in TABLE.get((seen[1], step), frozenset())}
        # Several passes may lie between two looks, a spec may come back to its own revision,
        # and a ladder may change under a stage.
        chain = set(reachable)
        for _ in StageKind:
            chain |= {k for c in chain for s in Step for k in TABLE.get((c, s), frozenset())}
        restarts = {StageKind.LOADING, StageKind.STABLE, StageKind.ROLLED_BACK}
        assert here[1] in chain | restarts, f"{seen} -> {here}"

    @invariant()
    def a_stable_revision_always_has_its_service_or_gets_it(self) -> None:
        stable = self.world.status.stable
        if stable is None or stable.revision in self.world.services or self.world.blind:
            return
        names = {
            a.manifest["metadata"]["name"]
            for a in decide(self.world.observe()).actions
            if hasattr(a, "manifest") and a.manifest["kind"] == "InferenceService"
        }
        assert stable.revision in names

    @invariant()
    def outcomes_fit_the_arms(self) -> None:
        stable = self.world.status.stable
        for name, history in self.world.histories.items():
            if history.outcome is Outcome.ROLLED_BACK:
                assert stable is None or name != stable.revision

    def teardown(self) -> None:
        """Left alone with good metrics and health, everything comes to rest."""
        world = self.world
        if world.spec() is None:
            world.edit(a_spec("v1"))
        if world.raw_spec.get("paused"):
            world.edit(a_spec("v1"))
        world.blind = None
        world.answers.clear()
        world.sick.clear()
        for name in world.services:
            world.services[name] = healthy(name)
        for _ in range(150):
            decision = world.step()
            kind = world.status.stage.kind if world.status.stage else None
            ended = kind in {StageKind.STABLE, StageKind.ROLLED_BACK}
            if ended and decision.requeue_seconds is None and decision.status is None:
                break
        assert world.status.stage is not None
        assert world.status.stage.kind in {StageKind.STABLE, StageKind.ROLLED_BACK}
        decision = world.step(3600)
        assert (None, ()) == (decision.status, decision.actions)
        live = {world.status.stable.revision} if world.status.stable else set()
        assert live == set(world.services)
        finished = world.histories.values()
        assert all(h.outcome is not Outcome.IN_PROGRESS for h in finished)


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    # `explain` traces every line and takes minutes.
    phases=[Phase.generate, Phase.shrink],
)
