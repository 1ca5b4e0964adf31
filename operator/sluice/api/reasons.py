"""The closed set of reasons and kinds that appear in conditions, events and histories."""

from __future__ import annotations

from enum import StrEnum


class StageKind(StrEnum):
    """What a stage is; its name is the user's."""

    LOADING = "Loading"
    """Pods start, the model loads, warm-up requests are answered. No traffic."""
    SHADOW = "Shadow"
    """The candidate gets copies of requests; its answers reach nobody."""
    WEIGHT = "Weight"
    """The candidate answers a share of the requests."""
    BAKE = "Bake"
    """The candidate answers everything; stable stands by."""
    STABLE = "Stable"
    """The wanted revision serves and nothing is under way."""
    ROLLING_BACK = "RollingBack"
    """Traffic is back on stable; the candidate's last requests end."""
    ROLLED_BACK = "RolledBack"
    """The wanted revision was refused and stays refused."""


class Verdict(StrEnum):
    """The answer of a gate."""

    PASS = "Pass"  # noqa: S105 - not a password
    FAIL = "Fail"
    WAIT = "Wait"
    """Fresh data, too few samples."""
    NO_DATA = "NoData"
    """Nothing, or nothing fresh: neither good nor bad."""
    BROKEN = "Broken"
    """The question could not be asked: the monitoring is ill, not the model."""


class Reason(StrEnum):
    """Why a stage was entered, a condition holds, or a revision ended as it did."""

    # Progress
    NEW_REVISION = "NewRevision"
    """The spec asks for a revision that does not run yet."""
    LOADED = "Loaded"
    """Every replica is ready and warm."""
    GATES_PASSED = "GatesPassed"
    """Every gate of the stage passed and the time was long enough."""
    PROMOTED = "Promoted"
    """The bake is over."""
    FIRST_REVISION = "FirstRevision"
    """There was nothing to compare with."""
    RETURNED = "ReturnedToStable"
    """The spec asks for the revision that already serves."""
    LADDER_CHANGED = "LadderChanged"
    """The stage no longer exists in the spec; the nearest lower one took its place."""

    # Holding
    WAITING_FOR_REPLICAS = "WaitingForReplicas"
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    WARMING_UP = "WarmingUp"
    SOAKING = "Soaking"
    WAITING_FOR_SAMPLES = "WaitingForSamples"
    NO_DATA = "NoData"
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    CLUSTER_UNREADABLE = "ClusterUnreadable"
    """Pods or revisions could not be read; a failing gate still rolls back."""
    PAUSED = "Paused"
    DRAINING = "Draining"
    STABLE_UNAVAILABLE = "StableUnavailable"
    """A gate failed but stable has no ready replica to go back to."""

    # Ends
    GATE_FAILED = "GateFailed"
    CRASH_LOOP = "CrashLoop"
    NEVER_READY = "NeverReady"
    UNREADY = "Unready"
    """No replica of the candidate was ready while it had live traffic."""
    SUPERSEDED = "Superseded"
    RETIRED = "Retired"
    ROLLED_BACK = "RolledBack"

    # Conditions
    VALID = "Valid"
    INVALID_SPEC = "InvalidSpec"
    SERVING = "Serving"
    NOT_SERVING = "NotServing"
    COMPLETE = "Complete"
    HEALTHY = "Healthy"
    GATEWAY_REFUSED = "GatewayRefused"
    """The Gateway did not accept the route, or the route is somebody else's."""


class Outcome(StrEnum):
    """How the life of a revision stands."""

    IN_PROGRESS = "InProgress"
    STABLE = "Stable"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    RETIRED = "Retired"


class ConditionType(StrEnum):
    """The conditions of a ModelDeployment."""

    ACCEPTED = "Accepted"
    """The spec can be carried out."""
    READY = "Ready"
    """A stable revision serves."""
    PROGRESSING = "Progressing"
    """A rollout is under way."""
    DEGRADED = "Degraded"
    """What serves is not what was asked for, or serves badly."""
