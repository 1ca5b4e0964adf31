"""Bring an image from buildah into the lab's containerd, without writing it twice.

buildah writes the image as a folder of blobs, uncompressed; from there only the
blobs that containerd lacks are sent. So a change of the code above five
gigabytes of libraries moves kilobytes.
"""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import IO, Any

from lab.errors import LabError
from lab.images import buildah
from lab.parts import containerd
from lab.place import Place, cache_folder


def load(place: Place, source: str, name: str) -> None:
    """Import buildah's image `source` under the name `name`."""
    layout = cache_folder() / "images" / "layout"
    layout.mkdir(parents=True, exist_ok=True)
    reference = source.rsplit(":", 1)[-1]
    buildah.run("push", "--quiet", "--disable-compression", source, f"oci:{layout}:{reference}")
    descriptor = descriptor_of(json.loads((layout / "index.json").read_text()), reference)
    present = set(containerd.ctr(place, "content", "ls", "-q").split())
    wanted = [digest for digest in _digests(layout, descriptor) if digest not in present]
    index = index_for(descriptor, name)
    argv = ["ctr", "-a", str(place.containerd_socket), "-n", "k8s.io", "images", "import", "-"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        if process.stdin is None:
            raise LabError("ctr: no standard input")
        with process.stdin as pipe:
            _write(pipe, layout, wanted, index)
    if process.returncode:
        raise LabError(f"{name}: `ctr images import` ended with code {process.returncode}")
    # Its gigabytes are in buildah's storage and in containerd's by now.
    shutil.rmtree(layout)


def descriptor_of(index: dict[str, Any], reference: str) -> dict[str, Any]:
    """Return the entry of an OCI index that has this reference as its name."""
    for entry in index["manifests"]:
        if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == reference:
            found: dict[str, Any] = entry
            return found
    raise LabError(f"image {reference}: buildah did not write it")


def index_for(descriptor: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an OCI index by which containerd calls the image `name`."""
    annotations = {"io.containerd.image.name": name}
    entry = {**descriptor, "annotations": annotations}
    return {"schemaVersion": 2, "manifests": [entry]}


def _digests(layout: Path, descriptor: dict[str, Any]) -> list[str]:
    """Return manifest, configuration and layers of an image."""
    manifest = json.loads(_blob(layout, descriptor["digest"]).read_text())
    layers = [layer["digest"] for layer in manifest["layers"]]
    return [*layers, manifest["config"]["digest"], descriptor["digest"]]


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _write(pipe: IO[bytes], layout: Path, digests: list[str], index: dict[str, Any]) -> None:
    scratch = layout / "sluice-index.json"
    scratch.write_text(json.dumps(index))
    with tarfile.open(fileobj=pipe, mode="w|", bufsize=1024 * 1024) as tar:
        tar.add(layout / "oci-layout", "oci-layout")
        for digest in digests:
            tar.add(_blob(layout, digest), f"blobs/{digest.replace(':', '/')}")
        tar.add(scratch, "index.json")
