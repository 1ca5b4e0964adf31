"""Folders made for mounts: gone with the last lab, and only those."""

from pathlib import Path

from lab import mountpoints


def test_the_last_lab_removes_what_labs_made_and_nothing_else(tmp_path: Path) -> None:
    labs, there, missing = tmp_path / "labs", tmp_path / "there", tmp_path / "missing"
    there.mkdir()
    for lab in ("one", "two"):
        (labs / lab).mkdir(parents=True)
        mountpoints.make([there, missing], labs)
    assert missing.is_dir()
    (labs / "one").rmdir()
    mountpoints.remove_unused(labs)
    assert missing.is_dir()
    (labs / "two").rmdir()
    mountpoints.remove_unused(labs)
    assert (True, False) == (there.is_dir(), missing.exists())


def test_a_folder_that_somebody_filled_meanwhile_stays(tmp_path: Path) -> None:
    labs, missing = tmp_path / "labs", tmp_path / "missing"
    mountpoints.make([missing], labs)
    (missing / "file").write_text("precious")
    mountpoints.remove_unused(labs)
    assert "precious" == (missing / "file").read_text()
