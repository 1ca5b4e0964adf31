"""A demo as it would be recorded, at one look each half second: v2 promoted, v3 out in shadow,
v4 out at 5 %."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from lab.demo.report import Recording, Rollout
from lab.demo.traffic import Answer, Outcome
from lab.demo.watch import Decision, Gate, Look, Revision, Route

START = 1_790_000_000.0
NAMES = {f"v{number}": f"digits-{number}a2b3c4d5e" for number in (1, 2, 3, 4)}
# seconds, kind, stage, stable, candidate, candidate's weight, mirrored
Phase = tuple[float, str, str, str | None, str | None, float, float]
PHASES: tuple[Phase, ...] = (
    (0, "Loading", "", None, "v1", 0, 0),
    (10, "Stable", "", "v1", None, 0, 0),
    (20, "Loading", "", "v1", "v2", 0, 0),
    (30, "Shadow", "shadow", "v1", "v2", 0, 100),
    (50, "Weight", "first-users", "v1", "v2", 5, 0),
    (70, "Weight", "half", "v1", "v2", 50, 0),
    (90, "Bake", "bake", "v1", "v2", 100, 0),
    (110, "Stable", "", "v2", None, 0, 0),
    (120, "Loading", "", "v2", "v3", 0, 0),
    (130, "Shadow", "shadow", "v2", "v3", 0, 100),
    (137, "RolledBack", "", "v2", None, 0, 0),
    (150, "Loading", "", "v2", "v4", 0, 0),
    (160, "Shadow", "shadow", "v2", "v4", 0, 100),
    (180, "Weight", "first-users", "v2", "v4", 5, 0),
    (198, "RolledBack", "", "v2", None, 0, 0),
    (205, "RolledBack", "", "v2", None, 0, 0),
)
DECISIONS = {
    "v3": Decision("empty", 0.41, "<= 0.05", 213, "shadow"),
    "v4": Decision("errors", 0.25, "<= 0.02", 24, "first-users"),
}
ENDS = {"v1": (10, "Stable"), "v2": (110, "Stable"), "v3": (137, "RolledBack")}
ENDS["v4"] = (198, "RolledBack")


def _revisions(at: float) -> Iterator[Revision]:
    for version, applied in (("v1", 0), ("v2", 20), ("v3", 120), ("v4", 150)):
        if at < applied:
            continue
        end, outcome = ENDS[version]
        ended = at >= end
        decision = DECISIONS.get(version) if ended else None
        message = (
            f"gate {decision.gate}: {decision.value} must be {decision.bound}" if decision else ""
        )
        if version == "v1" and at >= 110:
            outcome = "Superseded"
        yield Revision(
            NAMES[version],
            version,
            outcome if ended else "InProgress",
            "GateFailed" if decision else "",
            message,
            decision,
        )


def _look(at: float, phase: Phase) -> Look:
    _, kind, stage, stable, candidate, weight, mirror = phase
    weights = {NAMES[stable]: 100 - weight} if stable else {}
    if candidate and weight:
        weights[NAMES[candidate]] = weight
    bad = candidate == "v3" and kind == "Shadow"
    gates = (
        Gate("confidence", "Pass", 0.93, ">= 0.6", 200),
        Gate("empty", "Fail" if bad else "Pass", 0.41 if bad else 0.0, "<= 0.05", 213),
        Gate("errors", "Wait", None, "<= 0.02", 0),
    )
    return Look(
        time=START + at,
        stage=stage,
        kind=kind,
        message=f"{stage}: going on",
        stable=NAMES.get(stable or ""),
        candidate=NAMES.get(candidate or ""),
        candidate_weight=weight,
        candidate_mirror=mirror,
        route=Route(
            tuple((name, share) for name, share in weights.items() if share),
            ((NAMES[candidate], mirror),) if candidate and mirror else (),
        ),
        gates=gates if candidate else (),
        revisions=tuple(_revisions(at)),
    )


def looks() -> Iterator[Look]:
    for phase, following in pairwise(PHASES):
        at = phase[0]
        while at < following[0]:
            yield _look(at, phase)
            at += 0.5
    yield _look(PHASES[-1][0], PHASES[-1])


def answers(seen: list[Look]) -> Iterator[Answer]:
    """Ten a second; each twentieth from the candidate when it has 5 %; v4 fails one in four."""
    for number in range(150, 2050):
        at = number / 10
        look = [look for look in seen if look.time <= START + at][-1]
        shares = dict(look.route.weights)
        revision = next(
            (name for name, share in shares.items() if number % 100 < share), next(iter(shares))
        )
        if shares.get(NAMES["v4"]) and number % 20 == 0:
            revision = NAMES["v4"]
        good = Answer(START + at, 0.012, Outcome.CORRECT, 200, revision)
        if revision == NAMES["v4"] and number % 80 == 0:
            yield replace(good, outcome=Outcome.FAILED, status=500, latency_seconds=0.9)
        elif number % 97 == 0:
            yield replace(good, outcome=Outcome.WRONG)
        else:
            yield good


@pytest.fixture
def recording() -> Recording:
    seen = list(looks())
    applied = {"v1": (0, 20), "v2": (20, 120), "v3": (120, 150), "v4": (150, 205)}
    return Recording(
        rollouts=tuple(
            Rollout(version, START + begin, START + end)
            for version, (begin, end) in applied.items()
        ),
        looks=tuple(seen),
        answers=tuple(answers(seen)),
    )
