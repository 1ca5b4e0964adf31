"""Fixtures of the cluster tests: the installed operator, the trained models, a namespace."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab import trial
from lab.demo import cluster
from lab.place import CHECKOUT


@pytest.fixture(scope="session")
def images() -> None:
    """Both images, built from the Containerfiles and on the node."""
    trial.lab("image", "all")


@pytest.fixture(scope="session")
def operator(images: None) -> Iterator[None]:  # noqa: ARG001
    """The operator in the cluster, from its image, installed by helm."""
    asyncio.run(cluster.install_chart())
    yield
    uninstalling_leaves_nothing_stuck()


def uninstalling_leaves_nothing_stuck() -> None:
    """Uninstall with a ModelDeployment still there, then delete it and the CRDs: all must go."""
    manifest = trial.a_deployment()
    manifest["metadata"] |= {"namespace": "default", "name": "left-behind"}
    trial.apply(manifest)
    left = ("get", "isvc,mrev", "-l", "sluice.dev/owner=left-behind", "-o", "name")
    trial.wait_for("its children", lambda: len(trial.kubectl(*left).split()) == 2)
    uninstall = ["helm", "uninstall", "sluice", "-n", cluster.OPERATOR_NAMESPACE, "--wait"]
    subprocess.run(uninstall, check=True, timeout=120)

    assert trial.read("mdep", "left-behind", "default"), "the CRDs are kept, and what is in them"
    trial.kubectl("delete", "mdep", "left-behind", "--timeout=30s")
    trial.wait_for("nothing to be left", lambda: not trial.kubectl(*left))
    crds = ("modeldeployments.sluice.dev", "modelrevisions.sluice.dev")
    trial.kubectl("delete", "crd", *crds, "--timeout=60s")


@pytest.fixture(scope="session")
def models() -> Path:
    """The four digits models, trained, in a folder that pods may mount."""
    folder = CHECKOUT / "build" / "trials" / "models"
    subprocess.run(
        [sys.executable, "-m", "digits", "train", "all", "--out", folder / "digits"],
        check=True,
        timeout=300,
    )
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def namespace(operator: None, models: Path) -> Iterator[str]:  # noqa: ARG001
    """A namespace with the models' volume and the serving runtime, empty of deployments."""
    trial.kubectl("create", "namespace", trial.NAMESPACE)
    for name in ("storage.yaml", "runtime.yaml"):
        text = cluster.with_local_names((trial.MANIFESTS / name).read_text(), models=models)
        documents = list(yaml.safe_load_all(text))
        for document in documents:
            if document["kind"] == "PersistentVolume":
                document["metadata"]["name"] = "sluice-trials-models"
                document["spec"]["claimRef"]["namespace"] = trial.NAMESPACE
            if document["kind"] == "PersistentVolumeClaim":
                document["metadata"]["namespace"] = trial.NAMESPACE
                document["spec"]["volumeName"] = "sluice-trials-models"
        manifest = yaml.safe_dump_all(documents)
        trial.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    yield trial.NAMESPACE
    trial.kubectl("-n", trial.NAMESPACE, "delete", "mdep", "--all", "--timeout=60s")
    trial.kubectl("delete", "namespace", trial.NAMESPACE, "--timeout=80s")
    trial.kubectl("delete", "pv", "sluice-trials-models", "--timeout=60s")


@pytest.fixture
def serving(namespace: str) -> str:
    """v1 serves all requests; its revision is the value."""
    inside = ("-n", namespace)
    trial.kubectl(*inside, "delete", "mdep", trial.NAME, "--ignore-not-found", "--timeout=60s")
    trial.wait_for(
        "the last trial's objects to be gone",
        lambda: not trial.kubectl(*inside, "get", "isvc,httproute,mrev", "-o", "name"),
    )
    trial.apply(trial.a_deployment("v1"))
    trial.wait_for("v1 to serve", lambda: trial.stage() == "stable", seconds=120)
    revision: str = trial.status()["stable"]["revision"]
    return revision
