"""The picture and its page, drawn from a recorded demo."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from lab.demo.picture import per_second, save
from lab.demo.report import Recording, build
from lab.demo.traffic import Answer, Outcome


class Page(HTMLParser):
    """Collects what a browser would fetch, and the text of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"} and not (value or "").startswith("#"):
                self.fetched.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def page(recording: Recording, tmp_path: Path) -> Page:
    report = build(recording, versions={"sluice": "0.1.0"}, poll_seconds=0.2)
    _, web = save(recording, report, tmp_path)
    return Page(web.read_text())


def test_the_page_fetches_nothing(page: Page) -> None:
    assert page.fetched == []
    assert not page.tags & {"script", "img", "link", "iframe"}


def test_the_page_shows_drawing_table_and_definitions(page: Page) -> None:
    assert "svg" in page.tags
    for shown in ("v3", "RolledBack", "<= 0.05", "copies to v2", "secondsToRestore", "confidence"):
        assert shown in page.words


def test_a_message_cannot_break_the_page(recording: Recording, tmp_path: Path) -> None:
    report = build(recording, versions={"sluice": "<script>alert(1)</script>"}, poll_seconds=0.2)
    _, web = save(recording, report, tmp_path)
    assert "script" not in Page(web.read_text()).tags


def test_the_png_is_a_picture_wide_enough_to_read(recording: Recording, tmp_path: Path) -> None:
    report = build(recording, versions={}, poll_seconds=0.2)
    png, _ = save(recording, report, tmp_path)
    with Image.open(png) as image:
        assert image.width >= 1000
        assert len(image.convert("RGB").resize((60, 60)).getcolors(3600) or []) > 20


def test_a_demo_that_broke_off_at_once_is_still_drawn(recording: Recording, tmp_path: Path) -> None:
    short = replace(recording, looks=recording.looks[:1], answers=(), rollouts=())
    _, web = save(short, build(short, versions={}, poll_seconds=0.2), tmp_path)
    assert re.search(r"v2: was never applied", web.read_text())


def test_answers_are_counted_in_seconds_without_gaps() -> None:
    times = [(10.2, Outcome.CORRECT), (10.9, Outcome.FAILED), (12.5, Outcome.CORRECT)]
    answers = [Answer(at, 0.1, outcome) for at, outcome in times]
    edges, rates = per_second(answers, 10.0)
    assert edges == [0.0, 1.0, 2.0]
    assert rates[Outcome.CORRECT] == [1.0, 0.0, 1.0]
    assert rates[Outcome.FAILED] == [1.0, 0.0, 0.0]
