"""The folders on which every lab mounts something of its own, at paths that others have fixed.

A mount needs a folder to exist, and a folder in / or /var is seen by the whole
machine. So the ones that were missing are noted, and the last lab to go down
removes them again, if they are still empty.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path

LABS = Path("/run/sluice")


def make(targets: Sequence[Path], labs: Path = LABS) -> None:
    """Create the missing ones among `targets` and note them for `remove_unused`."""
    with _locked(labs):
        made = [target for target in targets if not target.exists()]
        for target in made:
            target.mkdir(parents=True)
        with (labs / "made").open("a") as note:
            note.writelines(f"{target}\n" for target in made)


def remove_unused(labs: Path = LABS) -> None:
    """Remove what `make` created, unless any lab is left that may be using it.

    Removing a folder on which another mount namespace has a mount would undo that mount.
    """
    with _locked(labs):
        note = labs / "made"
        if not note.exists() or any(entry.is_dir() for entry in labs.iterdir()):
            return
        for line in note.read_text().splitlines():
            with contextlib.suppress(OSError):
                Path(line).rmdir()
        note.unlink()


@contextlib.contextmanager
def _locked(labs: Path) -> Iterator[None]:
    labs.mkdir(parents=True, exist_ok=True)
    with (labs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
