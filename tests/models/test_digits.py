"""What each version of the example claims, measured on its held-out scans."""

import json
from pathlib import Path

import pytest
import torch

from digits import Sample, Verdict, check, samples, saved, scans
from digits.__main__ import main
from digits.recipes import RECIPES
from digits.training import train
from models.served import Server, running

pytestmark = pytest.mark.timeout(240)


def measured(folder: Path, version: str) -> dict[str, float]:
    found: dict[str, float] = json.loads((folder / version / "model.json").read_text())["measured"]
    return found


def test_v1_is_decent(digits_folder: Path) -> None:
    v1 = measured(digits_folder, "v1")
    assert 0.88 < v1["accuracy"] < 0.95
    assert v1["null_share"] < 0.02
    assert v1["failed_share"] == 0


def test_v2_is_truly_better(digits_folder: Path) -> None:
    v1, v2 = measured(digits_folder, "v1"), measured(digits_folder, "v2")
    assert v2["accuracy"] > v1["accuracy"] + 0.04
    assert v2["null_share"] < 0.015
    assert v2["failed_share"] == 0
    assert v2["mean_confidence"] > 0.9


def test_v3_fails_silently(digits_folder: Path) -> None:
    v3 = measured(digits_folder, "v3")
    assert v3["accuracy"] < 0.3
    assert v3["null_share"] > 0.2
    assert v3["failed_share"] == 0


def test_v4_is_slow_and_fails_aloud(digits_folder: Path) -> None:
    v2, v4 = measured(digits_folder, "v2"), measured(digits_folder, "v4")
    assert v4["p95_latency_ms"] > 550 > v2["p95_latency_ms"]
    assert 0.1 < v4["failed_share"] < 0.3
    right_of_answered = v4["accuracy"] / (1 - v4["failed_share"])
    assert right_of_answered == pytest.approx(v2["accuracy"], abs=0.02)


def test_training_again_gives_the_same_model(digits_folder: Path) -> None:
    training, _ = scans.load()
    _, saved_network = saved.load(digits_folder / "v1")
    once, again = saved_network.state_dict(), train(RECIPES["v1"], training).state_dict()
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_evaluate_prints_what_it_measured(
    digits_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "v1").symlink_to(digits_folder / "v1")
    assert main(["evaluate", str(tmp_path)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["version", "accuracy", "null", "failed"]
    assert row.split()[:2] == ["v1", f"{measured(digits_folder, 'v1')['accuracy']:.1%}"]


def test_evaluate_of_an_empty_folder_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path)]) == 1
    assert "python -m digits train all --out" in capsys.readouterr().out


def test_held_out_scans_are_never_trained_on() -> None:
    training, held_out = scans.load()
    seen = {image.tobytes() for image in training.images}
    assert len(training.images) + len(held_out.images) == 1797
    assert not any(image.tobytes() in seen for image in held_out.images)


@pytest.mark.parametrize(
    ("expected", "answered"), [(Verdict.CORRECT, "3"), (Verdict.WRONG, "8"), (Verdict.NULL, None)]
)
def test_check_judges_an_answer(expected: Verdict, answered: str | None) -> None:
    body = json.dumps({"predictions": [{"class": answered, "confidence": 0.9}]}).encode()
    assert check(body, "3") is expected


@pytest.mark.parametrize("body", [b"", b"{}", b'{"predictions": []}', b"[]"])
def test_check_refuses_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError, match="Pass a 200 answer's body"):
        check(body, "3")


def ask(server: Server, sample: Sample) -> Verdict | int:
    answer = server.ask("/v1/models/digits:predict", sample.body)
    return check(answer.body, sample.label) if answer.status == 200 else answer.status


def test_served_v3_looks_healthy_to_http(digits_folder: Path, tmp_path: Path) -> None:
    serve = ["-m", "digits.serve"]
    with running(serve, digits_folder / "v3", tmp_path / "log", name="digits") as server:
        verdicts = [ask(server, sample) for sample in samples()[:100]]
        scraped = server.scrape()
    assert all(isinstance(verdict, Verdict) for verdict in verdicts)
    assert verdicts.count(Verdict.CORRECT) < 30
    empty = scraped['inference_empty_predictions_total{mode="live"}']
    assert empty == verdicts.count(Verdict.NULL) > 20


def test_served_v4_fails_for_the_labels_it_lacks(digits_folder: Path, tmp_path: Path) -> None:
    serve = ["-m", "digits.serve"]
    by_label = {sample.label: sample for sample in samples()}
    with running(serve, digits_folder / "v4", tmp_path / "log", name="digits") as server:
        verdicts = {label: ask(server, by_label[label]) for label in ("2", "8", "9")}
    assert verdicts == {"2": Verdict.CORRECT, "8": 500, "9": 500}
