"""The base of the project's images: Debian with its Python 3.11, made by mmdebstrap.

No image registry can be assumed to be reachable; Debian's package mirror can.
"""

import hashlib
from pathlib import Path

from lab import commands
from lab.images import buildah
from lab.place import cache_folder
from lab.report import Reporter

NAME = "localhost/sluice-lab/python:3.11"
_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"


def ensure(report: Reporter) -> str:
    """Return the base image's name, making it first if this user has none yet (a minute)."""
    archive = _archive(report)
    label = f"sluice.base={archive.stem}"
    if not buildah.run("images", "--quiet", "--filter", f"label={label}").strip():
        container = buildah.run("from", "scratch").strip()
        buildah.run("add", "--quiet", container, archive, "/")
        buildah.run("config", "--label", label, "--cmd", "/usr/bin/python3", container)
        buildah.run("commit", "--quiet", "--rm", container, NAME)
    return NAME


def _archive(report: Reporter) -> Path:
    key = hashlib.sha256(f"{_SUITE} {_PACKAGES}".encode()).hexdigest()[:12]
    file = cache_folder() / "images" / f"base-{key}.tar"
    if not file.exists():
        report.say("making the base image from Debian packages (about a minute)")
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(".new.tar")
        commands.run(["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, scratch])
        scratch.rename(file)
        report.milestone("base image", "base image made")
    return file
