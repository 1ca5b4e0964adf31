from pathlib import Path

import pytest

from lab import abandoned
from lab.place import place_of


def test_only_labs_without_a_checkout_are_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    here, gone = tmp_path / "here", tmp_path / "gone"
    here.mkdir()
    for checkout in (here, gone):
        place = place_of(checkout)
        place.folder.mkdir(parents=True)
        abandoned.note(place, checkout)

    assert [place_of(gone)] == list(abandoned.abandoned())
    abandoned.forget(place_of(gone))
    assert [] == list(abandoned.abandoned())
    assert place_of(here).folder.exists()
