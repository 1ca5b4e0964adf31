"""An image on its way from buildah to containerd."""

import hashlib
import io
import json
import tarfile

from lab.images import load, pause

NAME = "localhost/x:dev"
LAYER = pause.layer(b"not really busybox")
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"


def archive() -> io.BytesIO:
    """A docker-archive as buildah writes it: layers named by digest, links for old readers."""
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [DIGEST]}}).encode()
    layer, text = f"{DIGEST[7:]}.tar", f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": text, "RepoTags": [], "Layers": [layer]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (
            (layer, LAYER),
            (text, config),
            ("old/json", b"{}"),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("old/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{layer}"
        tar.addfile(link)
    buffer.seek(0)
    return buffer


def converted(present: set[str]) -> dict[str, bytes]:
    buffer = io.BytesIO()
    load.convert(archive(), buffer, present, NAME)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in files.items() if file}


def test_every_blob_is_what_its_name_says_and_what_the_index_leads_to() -> None:
    files = converted(set())
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}
    assert 3 == len(blobs)
    for name, content in blobs.items():
        assert f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" == name
    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])
    assert NAME == entry["annotations"]["io.containerd.image.name"]
    assert [(DIGEST, len(LAYER))] == [(x["digest"], x["size"]) for x in manifest["layers"]]
    assert f"blobs/{manifest['config']['digest'].replace(':', '/')}" in blobs


def test_a_layer_that_is_there_already_is_not_sent_again() -> None:
    sent, skipped = converted(set()), converted({DIGEST})
    assert {f"blobs/{DIGEST.replace(':', '/')}"} == sent.keys() - skipped.keys()
    assert sent["index.json"] == skipped["index.json"]
