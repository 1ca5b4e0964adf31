"""Run buildah with a storage of its own and the machine's way to the package registries.

What pip is told on this machine (an index, a certificate) is mounted for the
time of the build and never becomes part of an image.
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from lab import commands
from lab.place import cache_folder

# Settings that name files of this machine, or that say nothing about where packages are.
_NOT_FOR_BUILDS = {"find-links", "cert", "client-cert", "cache-dir", "log", "target", "require"}
_CERTIFICATES = "/etc/ssl/certs"

HOST_NETWORK = "LAB_HOST_NETWORK"
"""Environment variable inside the lab: the machine's own network namespace."""


def run(*words: str | Path, log: Path | None = None) -> str:
    """Run one buildah command; its output also goes to `log`."""
    output = commands.run(command(*words), env={"BUILDAH_ISOLATION": "chroot"})
    if log is not None:
        log.write_text(output)
    return output


def command(*words: str | Path) -> list[str]:
    """Return the whole command line of one buildah command."""
    storage = ["--root", str(cache_folder() / "buildah"), "--runroot", "/run/sluice-buildah"]
    outside = os.environ.get(HOST_NETWORK)
    enter = ["nsenter", f"--net={outside}"] if outside else []
    return [*enter, "buildah", *storage, "--storage-driver", "overlay", *map(str, words)]


def build(containerfile: Path, context: Path, *, base: str, tag: str, log: Path) -> None:
    """Build a Containerfile with `BASE` as its base; steps done before are reused."""
    settings = cache_folder() / "images" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(pip_settings(os.environ, _pip_files()))
    volumes = [f"{_CERTIFICATES}:{_CERTIFICATES}:ro", f"{settings}:/etc/pip.conf:ro"]
    uv_settings = Path("/etc/uv/uv.toml")
    if uv_settings.exists():
        volumes.append(f"{uv_settings}:{uv_settings}:ro")
    options = [word for volume in volumes for word in ("--volume", volume)]
    run(
        "bud", "--layers", "--network", "host", "--pull-never",
        *options, "--build-arg", f"BASE={base}",
        "--file", containerfile, "--tag", tag, context,
        log=log,
    )  # fmt: skip


def pip_settings(environment: Mapping[str, str], files: list[str]) -> str:
    """Return the pip.conf for builds, from PIP_ variables and the texts of pip.conf files.

    Variables win over files, later files over earlier ones, as in pip itself.
    """
    found: dict[str, str] = {}
    for text in files:
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        if parser.has_section("global"):
            found.update(parser.items("global"))
    for name, value in environment.items():
        if name.startswith("PIP_"):
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    kept = {key: value for key, value in found.items() if key not in _NOT_FOR_BUILDS}
    lines = [f"{key} = {value}" for key, value in sorted(kept.items())]
    return "\n".join(["[global]", f"cert = {_CERTIFICATES}/ca-certificates.crt", *lines, ""])


def _pip_files() -> list[str]:
    places = [
        Path("/etc/pip.conf"),
        Path.home() / ".pip" / "pip.conf",
        Path.home() / ".config" / "pip" / "pip.conf",
    ]
    return [file.read_text() for file in places if file.is_file()]
