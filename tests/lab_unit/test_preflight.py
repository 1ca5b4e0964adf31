"""What the lab says of a machine before anything is built."""

from dataclasses import replace

import pytest

from lab import preflight
from lab.preflight import GIB, Machine

GOOD = Machine(
    is_root=True,
    architecture="x86_64",
    disk_free=40 * GIB,
    memory_available=8 * GIB,
    filesystem="ext4",
    missing=(),
    has_apt=True,
    must_build=True,
)
MOUNTS = """\
/dev/vda / ext4 rw 0 0
overlay /home overlay rw 0 0
/dev/vdb /home/me xfs rw 0 0
"""


def test_a_good_machine_has_no_misses() -> None:
    assert [] == preflight.misses(GOOD)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(GOOD, is_root=False), ("not root", "sudo")),
        (replace(GOOD, architecture="aarch64"), ("aarch64", "x86_64")),
        (replace(GOOD, disk_free=20 * GIB), ("20 GiB free", "30 needed", "XDG_CACHE_HOME")),
        (replace(GOOD, memory_available=2 * GIB), ("2.0 GiB available", "5 needed")),
        (replace(GOOD, filesystem="overlay"), ("overlay", "XDG_CACHE_HOME")),
        (replace(GOOD, missing=("runc",), has_apt=False), ("no apt-get", "runc")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_miss_is_one_line_that_says_what_to_do(
    machine: Machine, words: tuple[str, ...]
) -> None:
    (line,) = preflight.misses(machine)
    assert "\n" not in line
    assert [word for word in words if word not in line] == []


def test_with_built_programs_less_disk_is_enough() -> None:
    assert [] == preflight.misses(replace(GOOD, disk_free=20 * GIB, must_build=False))


def test_missing_packages_are_no_miss_where_apt_can_install_them() -> None:
    assert [] == preflight.misses(replace(GOOD, missing=("runc",)))


def test_all_misses_are_told_at_once() -> None:
    bad = replace(GOOD, is_root=False, disk_free=0, memory_available=0)
    assert 3 == len(preflight.misses(bad))


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    from pathlib import Path

    found = [preflight.filesystem_of(Path(p), MOUNTS) for p in ("/home/me/x", "/home/you", "/srv")]
    assert ["xfs", "overlay", "ext4"] == found


def test_available_memory_is_read_in_bytes() -> None:
    assert 2048 == preflight.memory_available("MemTotal: 9 kB\nMemAvailable:       2 kB\n")
