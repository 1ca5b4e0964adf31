"""Everything that one pass knows: one frozen value, with the time in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sluice.api.spec import ModelDeploymentSpec, Policy
from sluice.api.status import ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus
from sluice.errors import FieldError


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a revision."""

    name: str
    ready: bool
    restarts: int = 0
    waiting: str | None = None
    """Why a container waits (`CrashLoopBackOff`, `ImagePullBackOff` ...), None if none does."""
    unschedulable: str | None = None
    """What the scheduler says, None if it found a node."""
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs of a revision."""

    exists: bool
    """Whether its InferenceService is there."""
    desired: int = 1
    """Replicas wanted."""
    pods: tuple[Pod, ...] = ()
    warm: frozenset[str] = frozenset()
    """Names of the ready pods whose model is loaded and which answered the warm-up requests."""

    @property
    def ready(self) -> int:
        """Replicas ready."""
        return sum(pod.ready for pod in self.pods)

    @property
    def complete(self) -> bool:
        """Whether every replica wanted is ready."""
        return self.exists and self.ready >= max(1, self.desired)

    @property
    def warmed(self) -> bool:
        """Whether every replica wanted is ready and warm."""
        return self.complete and sum(p.ready and p.name in self.warm for p in self.pods) >= (
            self.desired
        )


ABSENT = Workload(exists=False)


@dataclass(frozen=True, slots=True)
class Route:
    """The routing object as it is in the cluster."""

    spec: Mapping[str, Any]
    refused: str | None = None
    """Why it carries no traffic of ours, None if it does."""
    ours: bool = True
    """Whether this ModelDeployment owns it; another's is never touched."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What Prometheus answered for one gate: the value, the samples, and how old the newest is.

    None means an empty answer (NaN and infinity included).
    """

    value: float | None
    samples: float | None
    age_seconds: float | None
    query: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Prometheus could not be asked, or refused the question."""

    problem: str
    query: str


Measurement = Measured | Unanswered


@dataclass(frozen=True, slots=True)
class Revision:
    """A ModelRevision as it is in the cluster."""

    spec: ModelRevisionSpec
    status: ModelRevisionStatus


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything known about one ModelDeployment at `now`."""

    now: datetime
    name: str
    namespace: str
    uid: str
    generation: int
    spec: ModelDeploymentSpec | None
    """None if it cannot be carried out; then `errors` says why."""
    policy: Policy | None
    """The policy of `spec`, or the last accepted one if the spec is invalid."""
    status: ModelDeploymentStatus
    errors: tuple[FieldError, ...] = ()
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    route: Route | None = None
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    """By name of the gate."""
    blind: str | None = None
    """Why revisions and workloads could not be read, None if they were. Then nothing is known of
    them; traffic can still be moved back."""

    def workload(self, revision: str) -> Workload:
        """Return what runs of `revision`."""
        return self.workloads.get(revision, ABSENT)
