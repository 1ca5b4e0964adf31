"""The images of this project: built when their content changed, imported when missing."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from lab.images import base, buildah, content, load
from lab.parts import containerd
from lab.place import CHECKOUT, Place
from lab.report import Reporter


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its name in the cluster, and the Containerfile relative to the checkout."""

    repository: str
    containerfile: str

    @property
    def tag(self) -> str:
        """The name that manifests use."""
        return f"{self.repository}:dev"


IMAGES = {
    "operator": Image("localhost/sluice", "operator/Containerfile"),
    "models": Image("localhost/sluice-models", "models/Containerfile"),
}


def build_and_import(place: Place, image: Image, report: Reporter) -> None:
    """Make the lab's `tag` be what the checkout holds now; quick if nothing changed.

    In buildah's storage, which all checkouts share, an image is tagged by its
    content's key, so checkouts do not overwrite each other's.
    """
    containerfile = CHECKOUT / image.containerfile
    key = content.key(containerfile, CHECKOUT, base.NAME)
    if imported_key(place, image) == key:
        report.say(f"{image.tag}: unchanged")
        return
    source = f"{image.repository}:{key}"
    started = time.monotonic()
    if not buildah.run("images", "--quiet", "--filter", f"reference={source}").strip():
        base_name = base.ensure(report)
        report.say(f"{image.tag}: building; see `lab logs image-{_short(image)}` afterwards")
        buildah.build(
            containerfile,
            CHECKOUT,
            base=base_name,
            tag=source,
            log=place.logs / f"image-{_short(image)}.log",
        )
    built = time.monotonic()
    load.load(place, source, image.tag)
    _marker(place, image).write_text(json.dumps({"key": key}))
    report.say(
        f"{image.tag}: built in {built - started:.0f} s, "
        f"imported in {time.monotonic() - built:.0f} s"
    )


def imported_key(place: Place, image: Image) -> str | None:
    """Return the content key of what containerd has under the image's name, or None."""
    try:
        key: str = json.loads(_marker(place, image).read_text())["key"]
    except FileNotFoundError:
        return None
    names = containerd.ctr(place, "images", "ls", "-q").split()
    return key if image.tag in names else None


def _short(image: Image) -> str:
    return image.repository.rsplit("/", 1)[-1]


def _marker(place: Place, image: Image) -> Path:
    # Beside the images themselves: whoever deletes those deletes this, too.
    return place.containerd_root / f"imported-{_short(image)}.json"
