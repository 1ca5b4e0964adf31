"""What a user writes: the spec of a ModelDeployment.

Bounds and rules that the API server can check by itself are declared here and
end in the CRD; what it cannot (PromQL) is checked by `sluice.api.parse`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from sluice.api.model import Decimal, Name, PromQL, Resource


def cel(rule: str, message: str) -> JsonValue:
    """Return one CEL rule of the CRD; `message` says what to do."""
    return {"rule": rule, "message": message}


class Ratio(Resource):
    """Share of events: the increase of one counter divided by that of another."""

    numerator: PromQL
    """Series counted as events, such as `inference_requests_total{code_class="5xx"}`. A plain
    series: Sluice adds the revision and the namespace, the window and the sum."""
    denominator: PromQL
    """Series counted as opportunities, such as `inference_requests_total`. Its increase is the
    number of samples."""


class Quantile(Resource):
    """A quantile of a histogram, in the histogram's unit (interpolated inside a bucket)."""

    histogram: PromQL
    """Histogram without `_bucket`, such as `inference_request_duration_seconds`; labels may be
    given."""
    q: Decimal
    """The quantile, between 0 and 1, such as "0.95"."""


class Mean(Resource):
    """The mean of a histogram or summary, in its unit."""

    histogram: PromQL
    """Histogram without `_sum`, such as `inference_prediction_confidence_ratio`; labels may be
    given."""


class Expression(Resource):
    """Any PromQL that ends in one number.

    Sluice adds the revision and the namespace to every series in it, and shortens no range:
    one that reaches back before the stage is the author's choice.
    """

    query: PromQL
    """The value that is compared with `max` and `min`."""
    samples: PromQL
    """How many samples stand behind the value; compared with `minSamples`."""


class Gate(Resource):
    """A question to Prometheus with a bound, asked of the candidate alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.max) || has(self.min)", "give `max`, `min` or both"),
                cel(
                    "(has(self.ratio)?1:0) + (has(self.quantile)?1:0) + (has(self.mean)?1:0)"
                    " + (has(self.expression)?1:0) == 1",
                    "give exactly one of `ratio`, `quantile`, `mean`, `expression`",
                ),
            ]
        }
    )

    name: Name
    """Name of the gate, unique in the ModelDeployment; stages refer to it."""
    family: Literal["Software", "Input", "Output", "Business"] = "Software"
    """What the gate watches. A rollback's reason tells software from statistics by it."""
    role: Literal["Gate", "Watch"] = "Gate"
    """`Gate` decides; `Watch` is only shown."""
    ratio: Ratio | None = None
    """Share of events among opportunities."""
    quantile: Quantile | None = None
    """Quantile of a histogram."""
    mean: Mean | None = None
    """Mean of a histogram."""
    expression: Expression | None = None
    """Any PromQL that ends in one number."""
    max: Decimal | None = None
    """Largest value that passes, in the value's unit."""
    min: Decimal | None = None
    """Smallest value that passes, in the value's unit."""
    min_samples: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100
    """Samples needed before the gate may pass or fail; below it the rollout waits. Default 100."""
    window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    """How far back the gate looks, in seconds; never to before the stage began. Default 300."""
    freshness_seconds: Annotated[int, Field(ge=1, le=3_600)] = 60
    """Age in seconds from which the newest sample counts as no data. Default 60."""


Gates = Annotated[
    tuple[Gate, ...],
    Field(
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    ),
]
GateNames = Annotated[
    tuple[Name, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"})
]


class StageSpec(Resource):
    """One rung of the ladder between loading and bake."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.mirrorPercent) != has(self.weightPercent)",
                    "give either `mirrorPercent` (shadow) or `weightPercent` (live traffic)",
                ),
            ]
        }
    )

    name: Name
    """Name of the stage, unique in the ladder."""
    mirror_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """Shadow: percent of the requests that the candidate gets a copy of. Its answers reach
    nobody."""
    weight_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """Percent of the live requests that the candidate answers."""
    min_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 300
    """Least time here, in seconds. Time without data, paused, or with Sluice down does not count.
    Default 300."""
    gates: GateNames | None = None
    """Gates asked here; all of `spec.gates` when absent."""


class Bake(Resource):
    """The candidate answers everything; stable stands by at full size."""

    seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 600
    """Least time at 100 %, in seconds, before the old revision is let go. Default 600."""
    gates: GateNames | None = None
    """Gates asked here; all of `spec.gates` when absent."""


class WarmUp(Resource):
    """Requests sent to each new pod before it gets traffic, with header `x-sluice-mode: probe`."""

    requests: Annotated[int, Field(ge=1, le=1_000)] = 5
    """Answers with status 2xx needed from each pod. Default 5."""
    body: Annotated[str, Field(min_length=1, max_length=65_536)]
    """JSON body, POSTed to `/v1/models/<modelName>:predict`."""


DEFAULT_STAGES = (
    StageSpec(name="shadow", mirror_percent=100),
    StageSpec(name="first-users", weight_percent=5),
    StageSpec(name="half", weight_percent=50),
)


class Rollout(Resource):
    """How a new revision climbs."""

    interval_seconds: Annotated[int, Field(ge=1, le=3_600)] = 10
    """Seconds between two looks at the gates while a rollout runs. Default 10."""
    loading_deadline_seconds: Annotated[int, Field(ge=10, le=86_400)] = 1_800
    """A candidate that is not ready after this many seconds is rolled back; waiting for a node
    does not count against it. Default 1800."""
    drain_seconds: Annotated[int, Field(ge=0, le=3_600)] = 30
    """Seconds that a revision's pods stay after its traffic has left. Default 30."""
    settle_seconds: Annotated[int, Field(ge=0, le=600)] = 5
    """Seconds after a stage began that gates leave out: requests of the stage before still end
    in them. Give it the longest time that a request takes. Default 5."""
    warm_up: WarmUp | None = None
    """Requests sent to each new pod before it gets traffic. None by default: a loaded model is
    enough."""
    stages: Annotated[
        tuple[StageSpec, ...],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "x-kubernetes-validations": [
                    cel(
                        "self.map(s, has(s.mirrorPercent) ? 0 : 1).isSorted()",
                        "shadow stages must come before stages with `weightPercent`: reorder them",
                    ),
                    cel(
                        "self.filter(s, has(s.weightPercent)).map(s, s.weightPercent).isSorted()"
                        " && self.filter(s, has(s.weightPercent)).all(s, self.exists_one(t,"
                        " has(t.weightPercent) && t.weightPercent == s.weightPercent))",
                        "`weightPercent` must grow from stage to stage: reorder or change them",
                    ),
                ],
            },
        ),
    ] = DEFAULT_STAGES
    """The ladder between loading and bake. Default: shadow at 100 %, then 5 %, then 50 %."""
    bake: Bake = Bake()
    """The last look, at 100 %."""


class ParentRef(Resource):
    """A Gateway that carries the traffic."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the Gateway."""
    namespace: Name | None = None
    """Namespace of the Gateway; the ModelDeployment's own by default."""
    section_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Listener of the Gateway; all of them by default."""


class Traffic(Resource):
    """Where requests come in."""

    router: Literal["GatewayAPI"] = "GatewayAPI"
    """What splits the traffic. `GatewayAPI`: one HTTPRoute, written and kept by Sluice."""
    parent_refs: Annotated[tuple[ParentRef, ...], Field(min_length=1, max_length=8)]
    """Gateways that carry the route."""
    hostnames: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=253)], ...],
        Field(min_length=1, max_length=16),
    ]
    """Host names of the model's endpoint."""


class ModelDeploymentSpec(Resource):
    """What should serve, where, and how a change of it is rolled out."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.rollout) || !has(self.rollout.stages)"
                    " || self.rollout.stages.all(s, !has(s.gates) || s.gates.all(g,"
                    " has(self.gates) && self.gates.exists(h, h.name == g)))",
                    "a stage names a gate that `spec.gates` does not have",
                ),
                cel(
                    "!has(self.rollout) || !has(self.rollout.bake)"
                    " || !has(self.rollout.bake.gates)"
                    " || self.rollout.bake.gates.all(g, has(self.gates)"
                    " && self.gates.exists(h, h.name == g))",
                    "the bake names a gate that `spec.gates` does not have",
                ),
            ]
        }
    )

    model_name: Annotated[
        str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-._A-Za-z0-9]*)$")
    ]
    """Name of the model in the URL (`/v1/models/<modelName>:predict`), the same for every
    revision."""
    predictor: Annotated[
        dict[str, Any],
        Field(
            json_schema_extra={
                "x-kubernetes-preserve-unknown-fields": True,
                "x-kubernetes-validations": [
                    cel(
                        "has(self.model) != has(self.containers)",
                        "give exactly one of `model` (with a ServingRuntime) and `containers`",
                    ),
                    cel(
                        "!has(self.canaryTrafficPercent)",
                        "`canaryTrafficPercent` is KServe's own split; Sluice moves the traffic: "
                        "remove it",
                    ),
                    cel(
                        "!has(self.minReplicas) || self.minReplicas >= 1",
                        "`minReplicas` must be at least 1: a model under trial needs a pod",
                    ),
                ],
                "properties": {
                    "minReplicas": {"type": "integer", "format": "int64"},
                    "model": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "containers": {
                        "type": "array",
                        "maxItems": 16,
                        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    },
                    "canaryTrafficPercent": {"type": "integer", "format": "int64"},
                },
            }
        ),
    ]
    """A KServe InferenceService predictor, passed through as it is."""
    traffic: Traffic
    """Where requests come in."""
    rollout: Rollout = Rollout()
    """How a new revision climbs."""
    gates: Gates = ()
    """Questions that decide about the candidate."""
    paused: bool = False
    """Stops the climb where it is. A failing gate still rolls back. Default false."""
    revision_history_limit: Annotated[int, Field(ge=1, le=100)] = 5
    """How many ended revisions are remembered. Default 5."""
    provenance: Annotated[
        dict[
            Annotated[str, Field(max_length=63)],
            Annotated[str, Field(max_length=1024)],
        ],
        Field(max_length=32),
    ] = Field(default_factory=dict)
    """Where the model comes from (training data, code, experiment): kept with each revision."""


class Policy(Resource):
    """The part of the spec that may change without a new revision.

    Kept in status as last accepted, so that an invalid edit stops no rollback.
    """

    traffic: Traffic
    rollout: Rollout
    gates: Gates
    paused: bool
    revision_history_limit: int

    @classmethod
    def of(cls, spec: ModelDeploymentSpec) -> Policy:
        """Return the policy part of `spec`."""
        return cls(
            traffic=spec.traffic,
            rollout=spec.rollout,
            gates=spec.gates,
            paused=spec.paused,
            revision_history_limit=spec.revision_history_limit,
        )
