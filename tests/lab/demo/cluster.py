"""What the demo does to the cluster: the commands that a reader could type, in their order.

Nothing here is private knowledge: kubectl, helm and the files in manifests/demo. The only
things replaced are the folder with the models and the images, which differ on each machine.
"""

import asyncio
import json
from collections.abc import Iterator
from importlib.metadata import version as installed
from pathlib import Path

import yaml

from lab import commands
from lab.errors import LabError
from lab.images import base, content
from lab.images.project import IMAGES

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "manifests" / "demo"
NAMESPACE = "factory"
NAME = "digits"
OPERATOR_NAMESPACE = "sluice-system"
OPERATOR_IMAGE = IMAGES["operator"].tag
MODEL_IMAGE = IMAGES["models"].tag
OWNED = f"sluice.dev/owner={NAME}"


async def call(*words: str | Path, stdin: str | None = None, seconds: float = 120.0) -> str:
    """Run a program to its end and return what it printed.

    Raises: LabError with its last lines.
    """
    return await asyncio.to_thread(commands.run, words, stdin=stdin, timeout_seconds=seconds)


async def kubectl(*words: str | Path, stdin: str | None = None, seconds: float = 60.0) -> str:
    """Run kubectl against the lab."""
    return await call("kubectl", *words, stdin=stdin, seconds=seconds)


async def missing_images() -> list[str]:
    """Return which of the demo's two images the node does not have.

    The kubelet reports its images with each node status, up to 10 s late.
    """
    for attempt in range(6):
        if attempt:
            await asyncio.sleep(3)
        nodes = json.loads(await kubectl("get", "nodes", "-o", "json"))
        present = {
            name
            for node in nodes["items"]
            for image in node["status"].get("images", [])
            for name in image.get("names") or []
        }
        missing = [image for image in (OPERATOR_IMAGE, MODEL_IMAGE) if image not in present]
        if not missing:
            break
    return missing


async def remove_leftovers() -> None:
    """Delete what an earlier demo left, and wait until it is gone."""
    kinds = "modeldeployments.sluice.dev"
    known = await kubectl("get", "crd", kinds, "--ignore-not-found", "-o", "name")
    if not known.strip():
        return
    await kubectl("-n", NAMESPACE, "delete", kinds, NAME, "--ignore-not-found", "--timeout=60s")
    children = "modelrevisions.sluice.dev,inferenceservices.serving.kserve.io,pods"
    for _ in range(120):
        if not (await kubectl("-n", NAMESPACE, "get", children, "-l", OWNED, "-o", "name")).strip():
            return
        await asyncio.sleep(1)
    raise LabError(
        f"namespace {NAMESPACE}: objects of an earlier demo are still there. See them with "
        f"`kubectl -n {NAMESPACE} get {children} -l {OWNED}`."
    )


async def install_chart() -> None:
    """Install or upgrade the operator by its chart and wait until it is ready."""
    repository, _, tag = OPERATOR_IMAGE.rpartition(":")
    await call(
        "helm",
        "upgrade",
        "--install",
        "sluice",
        ROOT / "charts" / "sluice",
        "--namespace",
        OPERATOR_NAMESPACE,
        "--create-namespace",
        "--values",
        MANIFESTS / "values.yaml",
        "--set",
        f"image.repository={repository},image.tag={tag}",
        # The tag stays while the content changes: this restarts the pod when it did.
        "--set-string",
        f"podAnnotations.image-content={image_content('operator')}",
        "--wait",
        "--timeout",
        "120s",
        seconds=150,
    )


def image_content(name: str) -> str:
    """Return the key of what goes into one of the project's images."""
    return content.key(ROOT / IMAGES[name].containerfile, ROOT, base.NAME)


def with_local_names(text: str, *, models: Path) -> str:
    """Return a manifest with this machine's model folder and this lab's server image."""
    documents = [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        match document["kind"]:
            case "PersistentVolume":
                document["spec"]["hostPath"]["path"] = str(models)
            case "ClusterServingRuntime":
                document["spec"]["containers"][0]["image"] = MODEL_IMAGE
            case _:
                pass
    return yaml.safe_dump_all(documents)


async def apply(name: str, *, models: Path) -> None:
    """Apply one file of manifests/demo."""
    text = with_local_names((MANIFESTS / name).read_text(), models=models)
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)


async def change_to(version: str) -> None:
    """Point the ModelDeployment at another version, as a user would."""
    await kubectl(
        "-n",
        NAMESPACE,
        "patch",
        "modeldeployment",
        NAME,
        "--type=merge",
        "--patch-file",
        MANIFESTS / f"{version}.yaml",
    )


async def versions() -> dict[str, str]:
    """Return what took part: asked from what runs, or read where it is pinned."""
    server = json.loads(await kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    nodes = json.loads(await kubectl("get", "nodes", "-o", "json"))
    route = json.loads(
        await kubectl("get", "crd", "httproutes.gateway.networking.k8s.io", "-ojson")
    )
    bundle = route["metadata"].get("annotations", {})
    return {
        "sluice": installed("sluice"),
        "kubernetes": server,
        "containerRuntime": nodes["items"][0]["status"]["nodeInfo"]["containerRuntimeVersion"],
        "gatewayAPI": bundle.get("gateway.networking.k8s.io/bundle-version", "unknown"),
        **dict(_built_versions()),
        "torch": installed("torch"),
    }


def _built_versions() -> Iterator[tuple[str, str]]:
    """Yield what the lab compiled, from the files that pin it."""
    modules = {
        "github.com/kserve/kserve": "kserve",
        "github.com/envoyproxy/gateway": "envoyGateway",
        "github.com/prometheus/prometheus": "prometheus",
    }
    for path in sorted((ROOT / "tests" / "lab" / "go").glob("*/go.mod")):
        for line in path.read_text().splitlines():
            words = line.removeprefix("require").split()
            if len(words) >= 2 and words[0] in modules and words[1].startswith("v"):
                yield modules[words[0]], words[1]
