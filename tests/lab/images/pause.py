"""The smallest image: Debian's static busybox. It holds pods' namespaces and serves in tests.

It is put together here as an archive, byte for byte the same each time, so that
starting the cluster needs no image builder.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from lab.errors import LabError
from lab.place import cache_folder

NAME = "localhost/sluice-lab/pause:1"
BUSYBOX = Path("/bin/busybox")
_APPLETS = ("sh", "sleep", "httpd", "wget", "cat", "nslookup", "id", "touch", "ls", "kill", "nc")


def archive() -> Path:
    """Return the image as a docker-archive, made once for each version of busybox."""
    if not BUSYBOX.exists():
        raise LabError(f"{BUSYBOX}: not there. apt-get install busybox-static")
    content = BUSYBOX.read_bytes()
    digest = hashlib.sha256(content + repr((NAME, _APPLETS)).encode()).hexdigest()[:12]
    file = cache_folder() / "images" / f"pause-{digest}.tar"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(".new")
        scratch.write_bytes(image(layer(content)))
        scratch.rename(file)
    return file


def layer(busybox: bytes) -> bytes:
    """Return a tar archive with busybox, its names, and a /tmp for everybody."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("tmp", 0o1777), ("etc", 0o755)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder)
        _add(tar, "bin/busybox", busybox, 0o755)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()


def image(layer_tar: bytes) -> bytes:
    """Return a docker-archive of one layer."""
    diff = hashlib.sha256(layer_tar).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/bin/sleep", "infinity"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
            "history": [{"created_by": "sluice lab"}],
        }
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": config_name, "RepoTags": [NAME], "Layers": [f"{diff}/layer.tar"]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, config_name, config, 0o644)
        _add(tar, f"{diff}/layer.tar", layer_tar, 0o644)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
