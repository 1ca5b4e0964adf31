"""The sentences that the demo says while a rollout goes on."""

from lab.demo.report import Recording
from lab.demo.words import sentences


def story(recording: Recording) -> list[str]:
    before, told = None, []
    for look in recording.looks:
        told += list(sentences(before, look))
        before = look
    return told


def test_each_thing_that_happens_is_told_once_and_in_order(recording: Recording) -> None:
    told = story(recording)
    expected = [
        "v1 answers everyone.",
        "v2 gets a copy of 100 % of the requests; its answers are measured and dropped.",
        "v2 answers 5 % of the users, v1 the rest.",
        "v2 answers 50 % of the users, v1 the rest.",
        "v2 answers everyone; v1 is kept ready to return at once.",
        "v2 is promoted.",
        "Gate empty says no: 0.41, must be <= 0.05, from 213 samples.",
        "v3 is rolled back: gate empty: 0.41 must be <= 0.05",
        "v4 answers 5 % of the users, v2 the rest.",
        "v4 is rolled back: gate errors: 0.25 must be <= 0.02",
    ]
    positions = [told.index(sentence) for sentence in expected]
    assert positions == sorted(positions)
    assert all(told.count(sentence) == 1 for sentence in expected)


def test_nothing_new_is_nothing_said(recording: Recording) -> None:
    look = recording.looks[100]
    assert list(sentences(look, look)) == []
