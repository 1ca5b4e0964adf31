"""What Sluice writes: status of a ModelDeployment, spec and status of a ModelRevision."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from sluice.api.model import Resource, Time
from sluice.api.reasons import ConditionType, Outcome, Reason, StageKind, Verdict
from sluice.api.spec import Policy, cel

Message = Annotated[str, Field(max_length=1024)]

TIMELINE_LENGTH = 64
FAILED_REVISIONS_LENGTH = 32


class Condition(Resource):
    """A present truth about a ModelDeployment, after the Kubernetes API conventions."""

    type: ConditionType
    """Which truth."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Reason
    """Why, in one word."""
    message: Message = ""
    """Why, in a sentence."""
    observed_generation: int | None = None
    """Generation of the spec that it speaks of."""
    last_transition_time: Time
    """When `status` last changed."""


class Reading(Resource):
    """What a gate last said, with the evidence."""

    name: str
    """The gate."""
    verdict: Verdict
    """Pass, Fail, Wait (too few samples), NoData, or Broken (the question could not be asked)."""
    role: Literal["Gate", "Watch"] = "Gate"
    """`Gate` decides; `Watch` is only shown."""
    value: str | None = None
    """The value measured, in the gate's unit."""
    bound: str
    """The bound it was held against, such as "<= 0.02"."""
    samples: int | None = None
    """Samples behind the value."""
    message: Message = ""
    """What is so, in a sentence."""
    time: Time
    """When Prometheus was asked."""


class Decider(Resource):
    """The evidence that ended a rollout."""

    gate: str
    """The gate that failed."""
    family: str
    """Software, Input, Output or Business."""
    value: str
    """The value measured."""
    bound: str
    """The bound it broke."""
    samples: int
    """Samples behind the value."""
    query: str
    """The PromQL that gave the value."""
    stage: str
    """The stage it happened in."""
    time: Time
    """When Prometheus was asked."""


class Stage(Resource):
    """Where the rollout stands, how it came there, and how long it has soaked."""

    name: str
    """Name of the stage: the user's, or the kind in small letters."""
    kind: StageKind
    """What the stage is."""
    index: int = 0
    """Place in `spec.rollout.stages`; 0 for the others."""
    revision: str
    """The revision that is in this stage."""
    start_time: Time
    """When it was entered."""
    reason: Reason
    """Why it was entered."""
    message: Message = ""
    """Why it was entered, in a sentence."""
    decided_by: Decider | None = None
    """The gate that ended the rollout, if one did."""
    soak_seconds: float = 0.0
    """Seconds spent here with data, healthy and not paused."""
    soak_time: Time
    """Until when `soakSeconds` was counted."""
    soaking: bool = False
    """Whether the clock ran at `soakTime`."""


class Arm(Resource):
    """One side of the split."""

    revision: str
    """Name of the ModelRevision and of its InferenceService."""
    weight_percent: int
    """Share of the live requests."""
    mirror_percent: int | None = None
    """Share of the requests copied to it."""


class ModelDeploymentStatus(Resource):
    """What Sluice knows about a ModelDeployment; nothing here is for users to edit."""

    observed_generation: int = 0
    """Generation of the spec last looked at."""
    message: Message = ""
    """What happens now, in a sentence."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = ()
    """Accepted, Ready, Progressing, Degraded."""
    stage: Stage | None = None
    """Where the rollout stands."""
    stable: Arm | None = None
    """The revision that serves, or to which traffic returns."""
    candidate: Arm | None = None
    """The revision under trial."""
    gates: tuple[Reading, ...] = ()
    """What each gate of the stage last said."""
    failed_revisions: Annotated[tuple[str, ...], Field(max_length=FAILED_REVISIONS_LENGTH)] = ()
    """Revisions that were rolled back; they are not tried again."""
    policy: Annotated[
        Policy | None,
        Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True, "properties": {}}),
    ] = None
    """Traffic, rollout and gates as last accepted: used while the spec is invalid."""


class ModelRevisionSpec(Resource):
    """An immutable snapshot of what was to run."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self == oldSelf", "a revision never changes: edit the ModelDeployment")
            ]
        }
    )

    model_deployment: str
    """The ModelDeployment it belongs to."""
    number: Annotated[int, Field(ge=1)]
    """Counts up from 1."""
    hash: str
    """Hash of what runs."""
    model_name: str
    """Name of the model in the URL."""
    predictor: Annotated[
        dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
    ]
    """The InferenceService predictor."""
    provenance: dict[str, str] = Field(default_factory=dict)
    """Where the model came from, as the user gave it."""


class TimelineEntry(Resource):
    """One stage that the revision entered."""

    stage: str
    """Name of the stage."""
    kind: StageKind
    """What the stage is."""
    weight_percent: int
    """Share of the live requests there."""
    mirror_percent: int = 0
    """Share of the requests copied there."""
    time: Time
    """When it was entered."""
    reason: Reason
    """Why."""
    message: Message = ""
    """Why, in a sentence."""


class ModelRevisionStatus(Resource):
    """The evidence of a revision's rollout: the audit trail."""

    outcome: Outcome = Outcome.IN_PROGRESS
    """How its life stands."""
    outcome_time: Time | None = None
    """Since when."""
    reason: Reason | None = None
    """Why."""
    message: Message = ""
    """Why, in a sentence."""
    decided_by: Decider | None = None
    """The gate that ended the rollout, if one did."""
    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=TIMELINE_LENGTH)] = ()
    """The stages entered, oldest first; the oldest are dropped at 64."""
    gates: tuple[Reading, ...] = ()
    """What each gate last said while it was the candidate."""
