"""When a rollout counts as over, and what is applied."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.demo.cluster import MANIFESTS, MODEL_IMAGE, with_local_names
from lab.demo.report import Recording
from lab.demo.scenario import VERSIONS, ended, first_cause
from lab.demo.watch import Look, Route
from lab.errors import LabError
from sluice.api.parse import parse_spec

Manifest = dict[str, Any]


def first_ended(recording: Recording, version: str) -> Look:
    return next(look for look in recording.looks if ended(look, version))


@pytest.mark.parametrize(
    ("version", "seconds"), [("v1", 10), ("v2", 110), ("v3", 137), ("v4", 198)]
)
def test_a_rollout_ends_when_traffic_is_where_it_belongs(
    recording: Recording, version: str, seconds: int
) -> None:
    assert first_ended(recording, version).time - recording.looks[0].time == seconds


def test_a_rolled_back_revision_that_still_gets_copies_has_not_ended(recording: Recording) -> None:
    look = first_ended(recording, "v3")
    [name] = [known.name for known in look.revisions if known.version == "v3"]
    assert not ended(replace(look, route=Route(look.route.weights, ((name, 100.0),))), "v3")


def test_a_promoted_revision_that_shares_traffic_has_not_ended(recording: Recording) -> None:
    look = first_ended(recording, "v2")
    [name] = [known.name for known in look.revisions if known.version == "v2"]
    shared = Route(((name, 50.0), ("digits-other", 50.0)))
    assert not ended(replace(look, route=shared), "v2")


def test_the_first_cause_is_found_in_nested_groups() -> None:
    cause = LabError("why")
    assert first_cause(ExceptionGroup("a", [ExceptionGroup("b", [cause])])) is cause


def load(name: str) -> list[Manifest]:
    return [found for found in yaml.safe_load_all((MANIFESTS / name).read_text()) if found]


def test_the_model_deployment_is_a_valid_one() -> None:
    [manifest] = load("digits.yaml")
    spec = parse_spec(manifest["spec"])
    assert [stage.name for stage in spec.rollout.stages] == ["shadow", "first-users", "half"]
    assert {gate.name for gate in spec.gates} == {"errors", "latency", "empty", "confidence"}


def test_the_shadow_stage_leaves_errors_to_the_live_stages() -> None:
    """Otherwise v4 would die in shadow and nobody would see a rollback of live traffic."""
    [manifest] = load("digits.yaml")
    shadow, *live = parse_spec(manifest["spec"]).rollout.stages
    assert shadow.gates == ("empty", "confidence")
    assert all(stage.gates is None for stage in live)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_version_changes_the_model_and_nothing_else_that_runs(version: str) -> None:
    [patch] = load(f"{version}.yaml")
    assert patch["spec"].pop("provenance")
    assert patch == {
        "spec": {"predictor": {"model": {"storageUri": f"pvc://models/digits/{version}"}}}
    }


def test_only_what_differs_between_machines_is_replaced() -> None:
    models = Path("/somewhere/models")
    for name in ("namespace.yaml", "storage.yaml", "runtime.yaml", "digits.yaml"):
        before = load(name)
        after = list(
            yaml.safe_load_all(with_local_names((MANIFESTS / name).read_text(), models=models))
        )
        for document in before:
            if document["kind"] == "PersistentVolume":
                document["spec"]["hostPath"]["path"] = str(models)
            if document["kind"] == "ClusterServingRuntime":
                document["spec"]["containers"][0]["image"] = MODEL_IMAGE
        assert after == before


def test_the_model_server_runs_without_privileges() -> None:
    [runtime] = load("runtime.yaml")
    [container] = runtime["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
