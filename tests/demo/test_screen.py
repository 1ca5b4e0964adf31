"""What a log file gets of the demo."""

import io

from rich.console import Console

from lab.demo.report import Recording, build
from lab.demo.screen import Screen


def shown(recording: Recording) -> str:
    file = io.StringIO()
    with Screen(Console(file=file, highlight=False)) as screen:
        for look in recording.looks:
            screen.looked(look)
        screen.table(build(recording, versions={}, poll_seconds=0.2))
    return file.getvalue()


def test_a_log_gets_one_line_for_each_event_and_no_control_characters(
    recording: Recording,
) -> None:
    text = shown(recording)
    assert text.count("v2 answers 5 % of the users") == 1
    assert "\x1b" not in text
    assert len(text.splitlines()) < 40


def test_the_table_is_not_cut_in_a_log(recording: Recording) -> None:
    text = shown(recording)
    for words in ("deciding gate", "RolledBack", "first-users", "<= 0.05", "s to restore", "38.0"):
        assert words in text
    assert "…" not in text
