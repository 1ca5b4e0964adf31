"""What a decision asks to be done, in the order in which it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sluice.api.status import ModelDeploymentStatus, ModelRevisionStatus

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApplyRoute:
    """Write the HTTPRoute; `rollback` marks the one write that nothing may delay."""

    manifest: Json
    rollback: bool = False


@dataclass(frozen=True, slots=True)
class ApplyRevision:
    """Create the ModelRevision; its spec never changes."""

    manifest: Json


@dataclass(frozen=True, slots=True)
class ApplyService:
    """Create the InferenceService; it is never edited afterwards."""

    manifest: Json


@dataclass(frozen=True, slots=True)
class RecordRevision:
    """Write the status of the ModelRevision `name`."""

    name: str
    status: ModelRevisionStatus


@dataclass(frozen=True, slots=True)
class DeleteService:
    """Delete the InferenceService `name`; it has no traffic and its last requests have ended."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteRevision:
    """Forget the ModelRevision `name`."""

    name: str


Action = ApplyRoute | ApplyRevision | ApplyService | RecordRevision | DeleteService | DeleteRevision


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, told once."""

    type: Literal["Normal", "Warning"]
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pass.

    `status` is None if there is nothing new to write. It is written first, so that a crash
    between any two actions is harmless: the next pass finds the decision and goes on.
    `requeue_seconds` is None if only a change can bring news.
    """

    status: ModelDeploymentStatus | None
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    requeue_seconds: float | None = None
    explanation: str = ""
