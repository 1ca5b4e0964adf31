"""Labs whose checkout is gone: nobody can stop them any more, so the next start does.

A lab keeps several GiB of images over `down`, so clones that come and go would fill the disk.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from lab.place import CHECKOUT, Place, cache_folder, place_named

_NOTE = "checkout"


def note(place: Place, checkout: Path = CHECKOUT) -> None:
    """Write down which checkout the lab belongs to."""
    (place.folder / _NOTE).write_text(str(checkout))


def abandoned() -> Iterator[Place]:
    """Yield the labs whose checkout does not exist."""
    for file in sorted((cache_folder() / "labs").glob(f"*/{_NOTE}")):
        if not Path(file.read_text()).exists():
            yield place_named(file.parent.name)


def forget(place: Place) -> None:
    """Delete what a stopped lab kept."""
    shutil.rmtree(place.folder, ignore_errors=True)
