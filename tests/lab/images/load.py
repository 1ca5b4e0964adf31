"""Bring an image from buildah into the lab's containerd, through a pipe.

buildah streams the image uncompressed, and of its layers only those that
containerd lacks are passed on. Nothing is compressed, and nothing is written to
disk but by containerd itself: five gigabytes of libraries take a minute.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import IO, Any

from lab.errors import LabError
from lab.images import buildah
from lab.parts import containerd
from lab.place import Place

_CHUNK_BYTES = 1024 * 1024
_OCI = "application/vnd.oci.image"


def load(place: Place, source: str, name: str) -> None:
    """Import buildah's image `source` under the name `name`."""
    present = set(containerd.ctr(place, "content", "ls", "-q").split())
    push = buildah.command("push", "--quiet", source, "docker-archive:/dev/stdout")
    take = ["ctr", "-a", str(place.containerd_socket), "-n", "k8s.io", "images", "import", "-"]
    with (
        subprocess.Popen(push, stdout=subprocess.PIPE) as pushing,
        subprocess.Popen(take, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as taking,
    ):
        if pushing.stdout is None or taking.stdin is None:
            raise LabError("buildah and ctr: no pipe between them")
        with taking.stdin as pipe:
            convert(pushing.stdout, pipe, present, name)
    if pushing.returncode or taking.returncode:
        raise LabError(
            f"{name}: `buildah push` ended with code {pushing.returncode},"
            f" `ctr images import` with {taking.returncode}"
        )


def convert(source: IO[bytes], target: IO[bytes], present: Collection[str], name: str) -> None:
    """Turn a docker-archive into an OCI archive of one image, without the layers in `present`.

    Both are streams, read and written once from beginning to end. Layers of the
    source are called by their digests.
    """
    sizes: dict[str, int] = {}
    texts: dict[str, bytes] = {}
    with (
        tarfile.open(fileobj=source, mode="r|", bufsize=_CHUNK_BYTES) as archive,
        tarfile.open(fileobj=target, mode="w|", bufsize=_CHUNK_BYTES) as oci,
    ):
        _add(oci, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if member.name.endswith(".tar"):
                digest = layer_digest(member.name)
                sizes[digest] = member.size
                if digest not in present:
                    blob = tarfile.TarInfo(_blob(digest))
                    blob.size = member.size
                    oci.addfile(blob, content)
            elif member.name.endswith(".json"):
                texts[member.name] = content.read()
        (image,) = json.loads(texts["manifest.json"])
        config = texts[image["Config"]]
        layers = {digest: sizes[digest] for digest in map(layer_digest, image["Layers"])}
        manifest = json.dumps(manifest_for(config, layers)).encode()
        for text in (config, manifest):
            _add(oci, _blob(_digest(text)), text)
        _add(oci, "index.json", json.dumps(index_for(manifest, name)).encode())


def layer_digest(file: str) -> str:
    """Return the digest of a layer in a docker-archive, which is its file's name."""
    return f"sha256:{PurePosixPath(file).stem}"


def manifest_for(config: bytes, layers: Mapping[str, int]) -> dict[str, Any]:
    """Return the OCI manifest of uncompressed layers, given as digest and bytes in order."""
    return {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": {
            "mediaType": f"{_OCI}.config.v1+json",
            "digest": _digest(config),
            "size": len(config),
        },
        "layers": [
            {"mediaType": f"{_OCI}.layer.v1.tar", "digest": digest, "size": size}
            for digest, size in layers.items()
        ],
    }


def index_for(manifest: bytes, name: str) -> dict[str, Any]:
    """Return an OCI index by which containerd calls the image `name`."""
    entry = {
        "mediaType": f"{_OCI}.manifest.v1+json",
        "digest": _digest(manifest),
        "size": len(manifest),
        "annotations": {"io.containerd.image.name": name},
    }
    return {"schemaVersion": 2, "manifests": [entry]}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
