"""What must hold while things break in the middle of a canary."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import trial
from lab.demo.cluster import OPERATOR_NAMESPACE
from lab.demo.traffic import Outcome
from lab.trial import Traffic, kubectl, lab, traffic, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

WAITS = 100_000


@dataclass(frozen=True, slots=True)
class Canary:
    """v2 at 5 %, and what its users see."""

    revision: str
    seen: Traffic

    def finish(self) -> None:
        """Let it go on to the end; no user may have noticed anything."""
        trial.apply(trial.a_deployment("v2"))
        wait_for("the promotion", lambda: trial.stage() == "stable", seconds=120)
        assert {self.revision: 100} == trial.weights()
        assert 0 == self.seen.count(Outcome.FAILED), "a fault around Sluice failed a request"


@pytest.fixture
def canary(serving: str) -> Iterator[Canary]:
    """v2 answers 5 % and stays there, under steady traffic."""
    assert serving
    manifest = trial.a_deployment("v2")
    trial.stage_named(manifest, "first-users")["minSeconds"] = WAITS
    with traffic() as seen:
        trial.apply(manifest)
        wait_for("the canary", lambda: trial.stage() == "first-users", seconds=120)
        wait_for("its gates to pass", lambda: soaking() == "Soaking", seconds=60)
        yield Canary(trial.status()["candidate"]["revision"], seen)


def soaking() -> str:
    return str(trial.condition("Progressing")["reason"])


def test_without_prometheus_it_holds_says_so_and_goes_on(canary: Canary) -> None:
    before = trial.weights()
    lab("stop", "prometheus")
    try:
        wait_for("the hold", lambda: soaking() == "MetricsUnavailable", seconds=30)
        soaked = trial.status()["stage"]["soakSeconds"]
        time.sleep(10)

        assert before == trial.weights()
        assert "first-users" == trial.stage()
        assert soaked == trial.status()["stage"]["soakSeconds"], "blind time is no soak time"
        assert "cannot be" in trial.status()["message"]
    finally:
        lab("start", "prometheus")
    wait_for("the clock to run again", lambda: soaking() == "Soaking", seconds=60)
    canary.finish()


def test_a_killed_operator_goes_on_at_the_same_step(canary: Canary) -> None:
    before, service = trial.status()["stage"], trial.read("isvc", canary.revision)
    assert service is not None
    pods = ("-n", OPERATOR_NAMESPACE, "get", "pods", "-o", "name")
    killed = kubectl(*pods).split()
    kubectl("-n", OPERATOR_NAMESPACE, "delete", "--force", "--grace-period=0", *killed)
    wait_for("another pod", lambda: set(kubectl(*pods).split()) - set(killed))
    canary.finish()

    *_, revision = trial.revisions()
    stages = [entry["stage"] for entry in revision["status"]["timeline"]]
    assert ["loading", "shadow", "first-users", "half", "bake", "stable"] == stages
    entered = revision["status"]["timeline"][2]["time"]
    assert before["startTime"] == entered, "the step was not begun again"
    again = trial.read("isvc", canary.revision)
    assert again is not None
    assert service["metadata"]["uid"] == again["metadata"]["uid"]


def test_an_invalid_spec_is_refused_with_field_and_fix(canary: Canary) -> None:
    before = trial.weights()
    typo = trial.a_deployment("v2")
    typo["spec"]["rollout"]["stages"][1]["weightPercent"] = 150
    refused = kubectl("apply", "-f", "-", stdin=json.dumps(typo), check=False)
    assert "spec.rollout.stages[1].weightPercent" in refused
    assert "100" in refused

    backwards = trial.a_deployment("v2")
    backwards["spec"]["rollout"]["stages"].reverse()
    refused = kubectl("apply", "-f", "-", stdin=json.dumps(backwards), check=False)
    assert "reorder" in refused

    promql = trial.a_deployment("v2")
    promql["spec"]["gates"][0]["ratio"]["numerator"] = "sum(errors"
    trial.stage_named(promql, "first-users")["minSeconds"] = WAITS
    trial.apply(promql)
    wait_for("Accepted=False", lambda: trial.condition("Accepted")["status"] == "False")
    message = trial.condition("Accepted")["message"]
    assert message.startswith("spec.gates[0].ratio.numerator: is not PromQL")
    assert before == trial.weights()
    assert canary.revision == trial.status()["candidate"]["revision"]
    canary.finish()


def test_a_hand_edit_of_the_route_is_put_back(canary: Canary) -> None:
    before = trial.weights()
    patch = '[{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 100}]'
    kubectl("-n", trial.NAMESPACE, "patch", "httproute", trial.NAME, "--type=json", "-p", patch)
    began = time.monotonic()
    wait_for("the repair", lambda: trial.weights() == before, seconds=10)

    assert time.monotonic() - began < 2
    assert 0 == canary.seen.count(Outcome.FAILED)


def test_deleting_in_mid_canary_leaves_nothing(canary: Canary) -> None:
    assert canary.seen.answers
    kubectl("-n", trial.NAMESPACE, "delete", "mdep", trial.NAME, "--timeout=60s")
    kinds = "mdep,mrev,isvc,httproute,deployments,services,pods"
    wait_for(
        "everything to be gone",
        lambda: not kubectl("-n", trial.NAMESPACE, "get", kinds, "-o", "name"),
        seconds=60,
    )
