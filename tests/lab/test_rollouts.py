"""Real models, real traffic: the good one is promoted, the bad ones are thrown out."""

from __future__ import annotations

import os
import subprocess

import pytest
import requests

from lab import trial
from lab.demo.traffic import Outcome
from lab.trial import traffic, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def modes(revision: str) -> set[str]:
    """Return how requests came to a revision, as its server counted and Prometheus scraped."""
    query = f'last_over_time(inference_requests_total{{revision="{revision}"}}[5m]) > 0'
    url = f"{os.environ['LAB_PROMETHEUS_URL']}/api/v1/query"
    answer = requests.get(url, params={"query": query}, timeout=5)
    return {series["metric"]["mode"] for series in answer.json()["data"]["result"]}


def sluice(verb: str) -> tuple[int, str]:
    """Run `sluice VERB` as a user; return its exit code and what it said."""
    done = subprocess.run(
        ["sluice", verb, trial.NAME, "-n", trial.NAMESPACE],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_a_better_model_is_promoted_and_no_request_fails(serving: str) -> None:
    with traffic() as seen:
        trial.apply(trial.a_deployment("v2"))
        wait_for("v2 to leave stable", lambda: trial.stage() != "stable")
        wait_for("v2 to be promoted", lambda: trial.stage() == "stable", seconds=180)
        new = trial.status()["stable"]["revision"]
        wait_for("the old service to go", lambda: trial.read("isvc", serving) is None)

    assert new != serving
    assert {new: 100} == trial.weights()
    assert (0, 0) == (seen.count(Outcome.FAILED), seen.count(Outcome.UNSENT))
    assert {serving, new} == set(seen.by_revision())
    old, latest = trial.revisions()
    assert ("Retired", "Stable") == (old["status"]["outcome"], latest["status"]["outcome"])
    assert ["loading", "shadow", "first-users", "half", "bake", "stable"] == [
        entry["stage"] for entry in latest["status"]["timeline"]
    ]
    assert {"Pass"} == {gate["verdict"] for gate in latest["status"]["gates"]}
    code, said = sluice("status")
    assert (0, f"digits: {new} serves all requests") == (code, said.splitlines()[0])


def test_confident_nonsense_is_rolled_back_before_any_user_sees_it(serving: str) -> None:
    with traffic() as seen:
        trial.apply(trial.a_deployment("v3"))
        wait_for("v3 to be rolled back", lambda: trial.stage() == "rolled-back", seconds=120)

    *_, bad = trial.revisions()
    decided = bad["status"]["decidedBy"]
    assert ("RolledBack", "GateFailed") == (bad["status"]["outcome"], bad["status"]["reason"])
    assert decided["gate"] in {"empty", "confidence"}
    assert "shadow" == decided["stage"]
    assert decided["samples"] >= 8
    assert {serving} == set(seen.by_revision())
    assert 0 == seen.count(Outcome.FAILED)
    assert {"mirror", "probe"} == modes(bad["metadata"]["name"])
    assert "live" in modes(serving)
    assert {serving: 100} == trial.weights()
    code, said = sluice("status")
    assert 1 == code, "the wanted revision does not serve"
    assert f"{serving} serves" in said.splitlines()[0]
    _, story = sluice("explain")
    assert f"gate {decided['gate']} is {decided['value']}" in story
    assert decided["query"] in story
    wait_for("its service to go", lambda: trial.read("isvc", bad["metadata"]["name"]) is None)
    assert ("True", "GateFailed") == (
        trial.condition("Degraded")["status"],
        trial.condition("Degraded")["reason"],
    )


def test_a_slow_failing_model_is_rolled_back_at_its_first_users(serving: str) -> None:
    with traffic() as seen:
        trial.apply(trial.a_deployment("v4"))
        wait_for("v4 to be rolled back", lambda: trial.stage() == "rolled-back", seconds=180)

    *_, bad = trial.revisions()
    decided = bad["status"]["decidedBy"]
    assert decided["gate"] in {"errors", "latency"}
    assert "first-users" == decided["stage"]
    assert {serving: 100} == trial.weights()
    asked = seen.by_revision()
    assert asked[bad["metadata"]["name"]] < 0.1 * len(seen.answers), "5 % of the users, no more"
