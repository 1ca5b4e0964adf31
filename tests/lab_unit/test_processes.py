"""Records of started programs: what they say, and when they stop being true."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab import lifecycle, processes
from lab.errors import LabError
from lab.place import Place
from lab.processes import Record


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(name="sluice-test", folder=tmp_path / "lab", run=tmp_path / "run")
    found.records.mkdir(parents=True)
    return found


def record_of(pid: int, part: str = "etcd") -> Record:
    ticks = processes.start_ticks(pid)
    assert ticks is not None
    return Record(part, pid, ticks, ("etcd", "--data-dir", "x y"), {"A": "b"})


def test_a_record_survives_being_written_and_read() -> None:
    record = replace(record_of(os.getpid()), held=True)
    assert record == processes.parse_record(processes.format_record(record))


def test_a_record_without_a_word_on_holding_is_of_a_part_that_should_run() -> None:
    raw = json.loads(processes.format_record(record_of(os.getpid())))
    del raw["held"]
    assert processes.parse_record(json.dumps(raw)).held is False


def test_start_time_is_read_behind_a_name_with_brackets_and_blanks() -> None:
    fields = ["S", "1", *["0"] * 17, "4711", "0"]
    assert ("S", 4711) == processes.parse_stat(f"42 (a) b) {' '.join(fields)}")


def test_a_pid_that_was_used_again_does_not_count_as_the_part() -> None:
    record = record_of(os.getpid())
    assert processes.alive(record)
    assert not processes.alive(replace(record, start_ticks=record.start_ticks - 1))


def test_a_pid_that_was_used_again_is_not_signalled() -> None:
    with subprocess.Popen(["sleep", "30"]) as stranger:
        record = record_of(stranger.pid)
        processes.stop(replace(record, start_ticks=record.start_ticks - 1), seconds=0)
        assert stranger.poll() is None
        processes.stop(record)
    assert not processes.alive(record)


def test_an_ended_part_is_a_crash_unless_it_was_stopped_on_purpose(place: Place) -> None:
    with subprocess.Popen(["sleep", "30"]) as first, subprocess.Popen(["sleep", "30"]) as second:
        for part, pid in (("prometheus", first.pid), ("kserve", second.pid)):
            text = processes.format_record(record_of(pid, part))
            (place.records / f"{part}.json").write_text(text)
        assert ([], []) == (lifecycle.crashed_parts(place), lifecycle.held_parts(place))
        processes.hold(place, "prometheus")
        second.kill()
        second.wait()
    assert ["kserve"] == lifecycle.crashed_parts(place)
    assert ["prometheus"] == lifecycle.held_parts(place)


def test_stopping_an_unknown_part_names_the_known_ones(place: Place) -> None:
    text = processes.format_record(record_of(os.getpid()))
    (place.records / "etcd.json").write_text(text)
    with pytest.raises(LabError, match=r"part prometheuss: unknown\. Known parts: etcd"):
        processes.hold(place, "prometheuss")
