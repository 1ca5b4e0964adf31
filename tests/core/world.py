"""A cluster in memory for the pure core: it holds what decisions write, and nothing else.

It is no stand-in for an API server (those tests run against a real one): it lets
thousands of rollouts with faults at any point run in a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from sluice.api.parse import parse_spec
from sluice.api.spec import ModelDeploymentSpec, Policy
from sluice.api.status import ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus
from sluice.core.actions import (
    Action,
    ApplyRevision,
    ApplyRoute,
    ApplyService,
    Decision,
    DeleteRevision,
    DeleteService,
    Event,
    RecordRevision,
)
from sluice.core.decide import decide
from sluice.core.gates import asked
from sluice.core.observation import (
    Measured,
    Measurement,
    Observation,
    Pod,
    Revision,
    Route,
    Unanswered,
    Workload,
)
from sluice.core.revisions import revision_name
from sluice.errors import FieldError, InvalidSpec
from sluice.routers import gateway_api
from sluice.routers.split import Split
from sluice.runtime.act import _order

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

GOOD = Measured(value=0.0, samples=1_000, age_seconds=1.0, query="q")
BAD = Measured(value=0.5, samples=1_000, age_seconds=1.0, query="q")
FEW = Measured(value=0.5, samples=3, age_seconds=1.0, query="q")
NOTHING = Measured(value=None, samples=None, age_seconds=None, query="q")
STALE = Measured(value=0.0, samples=1_000, age_seconds=3_600.0, query="q")
DOWN = Unanswered("http://prometheus:9090 cannot be reached", "q")


def a_spec(model: str = "v1", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    spec: dict[str, Any] = {
        "modelName": "digits",
        "predictor": {"model": {"modelFormat": {"name": "x"}, "storageUri": f"pvc://m/{model}"}},
        "traffic": {"parentRefs": [{"name": "gw"}], "hostnames": ["digits.example.com"]},
        "rollout": {
            "intervalSeconds": 5,
            "loadingDeadlineSeconds": 120,
            "drainSeconds": 10,
            "stages": [
                {"name": "shadow", "mirrorPercent": 100, "minSeconds": 20},
                {"name": "few", "weightPercent": 5, "minSeconds": 20},
                {"name": "half", "weightPercent": 50, "minSeconds": 20},
            ],
            "bake": {"seconds": 20},
        },
        "gates": [
            {
                "name": "errors",
                "ratio": {"numerator": 'r{code="5xx"}', "denominator": "r"},
                "max": "0.02",
                "minSamples": 50,
            }
        ],
    }
    return spec | changes


@dataclass(slots=True)
class World:
    """One ModelDeployment and what is around it."""

    raw_spec: dict[str, Any] = field(default_factory=a_spec)
    generation: int = 1
    now: datetime = EPOCH
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)
    specs: dict[str, ModelRevisionSpec] = field(default_factory=dict)
    histories: dict[str, ModelRevisionStatus] = field(default_factory=dict)
    services: dict[str, Workload] = field(default_factory=dict)
    route: dict[str, Any] | None = None
    refused: str | None = None
    ours: bool = True
    blind: str | None = None
    answers: dict[str, Measurement] = field(default_factory=dict)
    """What Prometheus says about a revision; GOOD unless set."""
    sick: dict[str, Workload] = field(default_factory=dict)
    """How the pods of a revision are; ready and warm unless set."""
    events: list[Event] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def edit(self, raw: dict[str, Any]) -> None:
        self.raw_spec = raw
        self.generation += 1

    def spec(self) -> ModelDeploymentSpec | None:
        try:
            return parse_spec(self.raw_spec)
        except InvalidSpec:
            return None

    def errors(self) -> tuple[FieldError, ...]:
        try:
            parse_spec(self.raw_spec)
        except InvalidSpec as error:
            return error.errors
        return ()

    def wanted(self) -> str:
        spec = self.spec()
        assert spec is not None
        return revision_name("digits", spec)

    def observe(self) -> Observation:
        spec = self.spec()
        policy = Policy.of(spec) if spec else self.status.policy
        return Observation(
            now=self.now,
            name="digits",
            namespace="factory",
            uid="u1",
            generation=self.generation,
            spec=spec,
            errors=self.errors(),
            policy=policy,
            # What is read back went through JSON.
            status=ModelDeploymentStatus.model_validate(self.status.to_dict()),
            revisions={}
            if self.blind
            else {
                n: Revision(s, ModelRevisionStatus.model_validate(self.histories[n].to_dict()))
                for n, s in self.specs.items()
            },
            workloads={} if self.blind else dict(self.services),
            blind=self.blind,
            route=Route(self.route, self.refused, self.ours) if self.route else None,
            measurements=self._measurements(policy),
        )

    def _measurements(self, policy: Policy | None) -> Mapping[str, Measurement]:
        if policy is None or self.status.stage is None:
            return {}
        answer = self.answers.get(self.status.stage.revision, GOOD)
        return {gate.name: answer for gate in asked(policy, self.status.stage)}

    def apply(self, decision: Decision, *, crash_after: int | None = None) -> None:
        """Carry out `decision`; `crash_after` writes the operator dies."""
        writes: list[Action | ModelDeploymentStatus] = [
            *([decision.status] if decision.status else []),
            *sorted(decision.actions, key=_order),
        ]
        for count, write in enumerate(writes):
            if crash_after is not None and count >= crash_after:
                return
            self._write(write)
        self.events.extend(decision.events)

    def _write(self, write: Action | ModelDeploymentStatus) -> None:
        match write:
            case ModelDeploymentStatus():
                self.status = write
                self.told.append(write.message)
            case ApplyRoute(manifest=manifest):
                self.route = dict(manifest["spec"])
            case ApplyRevision(manifest=manifest):
                name = manifest["metadata"]["name"]
                self.specs[name] = ModelRevisionSpec.model_validate(manifest["spec"])
                self.histories.setdefault(name, ModelRevisionStatus())
            case ApplyService(manifest=manifest):
                name = manifest["metadata"]["name"]
                self.services[name] = self.sick.get(name, healthy(name))
            case RecordRevision(name=name, status=status):
                assert name in self.specs, "the API server would refuse the status of nothing"
                self.histories[name] = status
            case DeleteService(name=name):
                routed = self.split().revisions if self.route else frozenset()
                assert name not in routed, "a revision with traffic was deleted"
                self.services.pop(name, None)
            case DeleteRevision(name=name):
                self.specs.pop(name)
                self.histories.pop(name)
            case _:
                assert_never(write)

    def split(self) -> Split:
        assert self.route is not None
        split = gateway_api.read(self.route)
        assert split is not None
        return split

    def step(self, seconds: float = 5.0, crash_after: int | None = None) -> Decision:
        """Let time pass and do one pass."""
        self.now += timedelta(seconds=seconds)
        decision = decide(self.observe())
        self.apply(decision, crash_after=crash_after)
        return decision

    def run(self, passes: int = 60) -> None:
        for _ in range(passes):
            self.step()

    def run_until(self, stage: str, passes: int = 200) -> None:
        for _ in range(passes):
            if self.status.stage and self.status.stage.name == stage:
                return
            self.step()
        name = self.status.stage and self.status.stage.name
        raise AssertionError(f"never reached {stage}, stands at {name}: {self.told[-5:]}")


def healthy(name: str) -> Workload:
    pod = Pod(name=f"{name}-pod", ready=True)
    return Workload(exists=True, desired=1, pods=(pod,), warm=frozenset({pod.name}))


def serving(model: str = "v1", **changes: Any) -> World:  # noqa: ANN401
    """Return a world in which `model` is stable."""
    world = World(raw_spec=a_spec(model, **changes))
    world.run_until("stable")
    world.run(3)
    return world
