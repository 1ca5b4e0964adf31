"""Which revision a spec asks for: a pure function of what runs, and of nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sluice.api.names import API_VERSION, OWNER_LABEL
from sluice.api.spec import ModelDeploymentSpec
from sluice.api.status import ModelRevisionSpec

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own for generated names: no vowels, so that no hash spells a word."""
_LENGTH = 10


def revision_hash(spec: ModelDeploymentSpec) -> str:
    """Return 10 characters that are equal exactly if model name and predictor are."""
    return _hash({"modelName": spec.model_name, "predictor": spec.predictor})


def _hash(what_runs: Mapping[str, Any]) -> str:
    canonical = json.dumps(what_runs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    number = int.from_bytes(hashlib.sha256(canonical.encode()).digest(), "big")
    letters = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)


def revision_name(deployment: str, spec: ModelDeploymentSpec) -> str:
    """Return the name of the ModelRevision and InferenceService that `spec` asks for."""
    return f"{deployment}-{revision_hash(spec)}"


def revision_spec(deployment: str, spec: ModelDeploymentSpec, number: int) -> ModelRevisionSpec:
    """Return the immutable snapshot of what `spec` asks to run."""
    return ModelRevisionSpec(
        model_deployment=deployment,
        number=number,
        hash=revision_hash(spec),
        model_name=spec.model_name,
        predictor=spec.predictor,
        provenance=spec.provenance,
    )


def owner_reference(name: str, uid: str) -> dict[str, Any]:
    """Return the reference by which the cluster deletes a child with its ModelDeployment."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def child_metadata(
    *, name: str, namespace: str, owner: str, uid: str, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the metadata of an object that belongs to the ModelDeployment `owner`."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": {OWNER_LABEL: owner, **(labels or {})},
        "ownerReferences": [owner_reference(owner, uid)],
    }
