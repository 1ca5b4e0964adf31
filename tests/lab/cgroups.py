"""The cgroups of one lab: created before the programs, emptied and removed after them.

Both cgroup v1 (one folder per controller) and v2 (one folder) are served. A
process that is in a cgroup of this lab was started by this lab, which makes
these groups the one sure list of what is left after a crash.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError
from lab.place import Place

ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """Return the root folder of each cgroup hierarchy of this machine."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [folder for folder in sorted(ROOT.iterdir()) if (folder / "cgroup.procs").exists()]


def create(place: Place) -> None:
    """Create the groups for pods (in every hierarchy) and for the programs (in one)."""
    for hierarchy in hierarchies():
        _make(hierarchy, hierarchy / place.pods_cgroup)
    _make(_parts_hierarchy(), _parts_hierarchy() / place.parts_cgroup)


def parts_procs_file(place: Place) -> Path:
    """Return the file into which a program of the lab writes itself when it starts."""
    return _parts_hierarchy() / place.parts_cgroup / "cgroup.procs"


def pod_pids(place: Place) -> set[int]:
    """Return every process that runs in a pod of this lab."""
    return set(_pids(place.pods_cgroup))


def part_pids(place: Place) -> set[int]:
    """Return every program of this lab, its children, and the shims of its containers."""
    return set(_pids(place.parts_cgroup))


def kill(place: Place, group: str, *, seconds: float = 20.0) -> None:
    """Kill every process of one of the lab's groups and wait until none is left.

    Each process is held by a pidfd and looked at again before the signal, so a
    pid that was given to a stranger in between is never hit.
    """
    if group not in {place.pods_cgroup, place.parts_cgroup}:
        raise LabError(f"cgroup {group}: not a group of {place.name}")
    deadline = time.monotonic() + seconds
    while pids := set(_pids(group)):
        for pid in pids:
            _kill_one(pid, group)
        if time.monotonic() > deadline:
            raise LabError(f"cgroup {group}: processes {sorted(pids)} do not end when killed")
        time.sleep(0.05)


def remove(place: Place) -> None:
    """Remove the groups of this lab; they must be empty."""
    for hierarchy in hierarchies():
        for group in (place.pods_cgroup, place.parts_cgroup):
            for folder, _, _ in os.walk(hierarchy / group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()


def _parts_hierarchy() -> Path:
    return ROOT / "pids" if (ROOT / "pids").is_dir() else hierarchies()[0]


def _make(hierarchy: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):
        source = hierarchy / name
        if source.exists() and (folder / name).exists():
            # cgroup v1: a group without processors of its own can hold no process.
            (folder / name).write_text(source.read_text())


def _pids(group: str) -> Iterator[int]:
    for hierarchy in hierarchies():
        for procs in (hierarchy / group).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                yield from (int(line) for line in procs.read_text().split())


def _kill_one(pid: int, group: str) -> None:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        handle = os.pidfd_open(pid)
        try:
            if f"/{group}" in Path(f"/proc/{pid}/cgroup").read_text():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
