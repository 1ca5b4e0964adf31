"""Gateway API: one HTTPRoute, owned whole by Sluice.

A revision of weight 0 is left out, since some gateways leak requests at weight 0.
The mirror is the standard RequestMirror filter; its answers never reach a caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.api.names import MIRROR_HEADER, MODE_HEADER
from sluice.api.spec import Traffic
from sluice.routers.split import Split

Json = dict[str, Any]

API_VERSION = "gateway.networking.k8s.io/v1"
PORT = 80


def service_of(revision: str) -> str:
    """Return the Service that KServe makes for the predictor of `revision`."""
    return f"{revision}-predictor"


def render(traffic: Traffic, split: Split) -> Json:
    """Return the spec of the HTTPRoute that carries `split`."""
    rule: Json = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [
            _backend(revision) | {"weight": weight} for revision, weight in split.weights
        ],
    }
    filters: list[Json] = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": _headers(split.mirror)}
    ]
    if split.mirror:
        mirror: Json = {"backendRef": _backend(split.mirror)}
        if split.mirror_percent != 100:  # noqa: PLR2004 - percent
            mirror["percent"] = split.mirror_percent
        filters.append({"type": "RequestMirror", "requestMirror": mirror})
    rule["filters"] = filters
    return {
        "parentRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway"} | ref.to_dict()
            for ref in traffic.parent_refs
        ],
        "hostnames": list(traffic.hostnames),
        "rules": [rule],
    }


def _headers(mirror: str | None) -> Json:
    """Take from users the headers by which only Sluice may mark a request."""
    if mirror is None:
        return {"remove": [MODE_HEADER, MIRROR_HEADER]}
    return {"set": [{"name": MIRROR_HEADER, "value": mirror}], "remove": [MODE_HEADER]}


def read(spec: Mapping[str, Any]) -> Split | None:
    """Return the split that an HTTPRoute's spec carries, None if Sluice did not write it so."""
    rules = spec.get("rules") or []
    if len(rules) != 1:
        return None
    weights = tuple(
        (_revision(ref), int(ref.get("weight", 1))) for ref in rules[0].get("backendRefs") or ()
    )
    mirrors = [f["requestMirror"] for f in rules[0].get("filters") or () if "requestMirror" in f]
    mirror = mirrors[0] if mirrors else None
    try:
        return Split(
            weights,
            mirror=_revision(mirror["backendRef"]) if mirror else None,
            mirror_percent=int(mirror.get("percent", 100)) if mirror else 0,
        )
    except ValueError:
        return None


def _backend(revision: str) -> Json:
    return {"group": "", "kind": "Service", "name": service_of(revision), "port": PORT}


def _revision(ref: Mapping[str, Any]) -> str:
    return str(ref["name"]).removesuffix("-predictor")


def same(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether the live spec carries every field of `wanted` as it is.

    `render` spells out the API server's defaults, so that equality is exact.
    """
    return all(live.get(key) == value for key, value in wanted.items())
