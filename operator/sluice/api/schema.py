"""CRDs, generated from the types: the types are the only source.

pydantic writes JSON schema; Kubernetes wants its structural subset: no `$ref`,
no `anyOf` with null, no titles, and its own `x-kubernetes-*` keys.
"""

from __future__ import annotations

from typing import Any

from sluice.api.model import Resource
from sluice.api.names import GROUP, VERSION
from sluice.api.spec import ModelDeploymentSpec
from sluice.api.status import ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus

Json = dict[str, Any]

_DROPPED = {"title", "additionalProperties", "propertyNames", "discriminator", "$defs"}


def structural(model: type[Resource]) -> Json:
    """Return the structural OpenAPI v3 schema of `model`."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    converted = _convert(schema, schema.get("$defs", {}))
    converted.pop("description", None)
    return converted


def _convert(node: Json, definitions: Json) -> Json:
    node = _resolved(node, definitions)
    out: Json = {}
    for key, value in node.items():
        match key:
            case "properties":
                out[key] = {name: _convert(child, definitions) for name, child in value.items()}
            case "items":
                out[key] = _convert(value, definitions)
            case "const":
                out["enum"] = [value]
            case "description":
                out[key] = " ".join(value.split())
            case "default":
                if value is not None:
                    out[key] = _without_null(value)
            case _ if key not in _DROPPED:
                out[key] = value
            case _:
                pass
    extra = node.get("additionalProperties")
    if isinstance(extra, dict):
        out["additionalProperties"] = _convert(extra, definitions)
    return out if not out.get("x-kubernetes-preserve-unknown-fields") else _opaque(out)


def _opaque(node: Json) -> Json:
    """Keep type, texts and named properties of a node whose other fields are not ours."""
    return {key: value for key, value in node.items() if key not in {"required", "default"}}


def _without_null(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Drop the nulls of a default: the API server refuses them."""
    match value:
        case dict():
            return {k: _without_null(v) for k, v in value.items() if v is not None}
        case list() | tuple():
            return [_without_null(v) for v in value]
        case _:
            return value


def _resolved(node: Json, definitions: Json) -> Json:
    """Follow `$ref` and `anyOf: [x, null]`; what is written beside them wins."""
    rest = {key: value for key, value in node.items() if key not in {"$ref", "anyOf", "allOf"}}
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return {**_resolved(target, definitions), **rest}
    branches = [b for b in node.get("anyOf", ()) if b.get("type") != "null"]
    if branches:
        (branch,) = branches
        return {**_resolved(branch, definitions), **rest}
    return rest


def _crd(
    *,
    kind: str,
    plural: str,
    short: str,
    description: str,
    spec: type[Resource],
    status: type[Resource],
    columns: list[Json],
    rules: list[Json],
) -> Json:
    root: Json = {
        "description": description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec),
            "status": structural(status),
        },
    }
    if rules:
        root["x-kubernetes-validations"] = rules
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["sluice"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": root},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def _column(name: str, path: str, kind: str = "string", priority: int = 0) -> Json:
    column: Json = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


NAME_LENGTH = 42
"""`<name>-<10 characters>-predictor` must be a DNS label of 63."""


def crds() -> dict[str, Json]:
    """Return every CRD by file name."""
    deployment = _crd(
        kind="ModelDeployment",
        plural="modeldeployments",
        short="mdep",
        description="A machine-learning model in production: what should serve, and how a change "
        "of it is rolled out, judged and taken back.",
        spec=ModelDeploymentSpec,
        status=ModelDeploymentStatus,
        columns=[
            _column("Stage", ".status.stage.name"),
            _column("Weight", ".status.candidate.weightPercent", "integer"),
            _column("Stable", ".status.stable.revision"),
            _column("Candidate", ".status.candidate.revision"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Message", ".status.message"),
        ],
        rules=[
            {
                "rule": f"size(self.metadata.name) <= {NAME_LENGTH}"
                " && self.metadata.name.matches('^[a-z][-a-z0-9]*$')",
                "message": f"`metadata.name` must be a DNS label of at most {NAME_LENGTH} "
                "characters that begins with a letter: KServe makes Service names from it",
            }
        ],
    )
    revision = _crd(
        kind="ModelRevision",
        plural="modelrevisions",
        short="mrev",
        description="One revision of a ModelDeployment and the evidence of its rollout. Written "
        "by Sluice.",
        spec=ModelRevisionSpec,
        status=ModelRevisionStatus,
        columns=[
            _column("Number", ".spec.number", "integer"),
            _column("Outcome", ".status.outcome"),
            _column("Reason", ".status.reason"),
            _column("Gate", ".status.decidedBy.gate"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Message", ".status.message", priority=1),
        ],
        rules=[],
    )
    return {
        f"{GROUP}_modeldeployments.yaml": deployment,
        f"{GROUP}_modelrevisions.yaml": revision,
    }
