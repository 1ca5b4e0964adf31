"""What goes into an image, as a key: the same key, the same image, no build."""

import hashlib
import shlex
from pathlib import Path

_NEVER = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_NEVER_SUFFIXES = {".pyc", ".pt"}


def sources(containerfile: str) -> list[str]:
    """Return what a Containerfile copies from its context, in order.

    Raises: ValueError for a COPY in JSON form, which it does not read.
    """
    found: list[str] = []
    for line in containerfile.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0].upper() not in {"COPY", "ADD"}:
            continue
        if words[1].startswith("["):
            raise ValueError(f"{line}: write COPY without brackets")
        if not any(word.startswith("--from=") for word in words):
            found += [word for word in words[1:-1] if not word.startswith("--")]
    return found


def key(containerfile: Path, context: Path, base: str) -> str:
    """Return a key over the Containerfile, the base's name, and every file copied in."""
    text = containerfile.read_text()
    digest = hashlib.sha256(f"{base}\0{text}\0".encode())
    for file in files(context, sources(text)):
        digest.update(f"{file.relative_to(context)}\0{file.stat().st_mode}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def files(context: Path, names: list[str]) -> list[Path]:
    """Return the files below the named files and folders, sorted, without caches."""
    found: set[Path] = set()
    for name in names:
        path = context / name
        below = path.rglob("*") if path.is_dir() else context.glob(name)
        found.update(file for file in below if file.is_file() and _wanted(file))
    return sorted(found)


def _wanted(file: Path) -> bool:
    return not _NEVER.intersection(file.parts) and file.suffix not in _NEVER_SUFFIXES
