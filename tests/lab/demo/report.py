"""What was recorded, turned into the numbers of the report. Pure: no clock, no files.

Every number comes from the client's answers and from looks at the API server; DEFINITIONS
says how, and travels inside the report.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from lab.demo.traffic import Answer, Outcome, counts
from lab.demo.watch import Look, Revision

PROMOTED = "Stable"
ROLLED_BACK = "RolledBack"
SHOWN_FAILURES = 50

DEFINITIONS = {
    "outcome": "the ModelRevision's status.outcome when its rollout had ended",
    "gate": "the gate that ended the rollout; value, bound and samples are its reading then",
    "secondsToRestore": (
        "from the first look at which the HTTPRoute sent this revision anything, a mirrored copy "
        "or a live request, until both the HTTPRoute no longer names it and the client has had "
        "its last answer from it"
    ),
    "failedRequests": (
        "requests of users without an answer in time or with a status other than 2xx: those whose "
        "x-model-revision header names this revision, and those without the header that were sent "
        "while this revision was the candidate with live traffic"
    ),
    "wrongAnswers": "2xx answers of this revision with another class than the label, or with none",
    "requests.ok": "requests answered with the right class",
    "requests.wrong": "requests answered with another class than the label",
    "requests.null": "requests answered without a prediction",
    "requests.failed": "requests without an answer in time or with a status other than 2xx",
    "requests.unsent": "requests the client had no room for; not in sent",
}


@dataclass(frozen=True, slots=True)
class Rollout:
    """One version as the scenario applied it; times are Unix seconds."""

    version: str
    applied_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything the demo saw, in order of time."""

    rollouts: tuple[Rollout, ...]
    looks: tuple[Look, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One revision's line of the table."""

    revision: str
    name: str
    outcome: str
    gate: str | None
    value: float | None
    bound: str | None
    samples: int | None
    stage: str | None
    message: str
    seconds_to_restore: float | None
    failed_requests: int
    wrong_answers: int
    null_answers: int
    answers: int
    latency_p95_seconds: float | None
    failed_during_rollout: int


@dataclass(frozen=True, slots=True)
class Report:
    """The table, the totals over all requests, and which programs took part."""

    rows: tuple[Row, ...]
    requests: Mapping[str, int]
    versions: Mapping[str, str]
    failures: tuple[Answer, ...]
    seconds: float
    poll_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the report with the keys of report.json (camelCase)."""
        return {
            "revisions": [
                {_camel(name): value for name, value in asdict(row).items()} for row in self.rows
            ],
            "requests": dict(self.requests),
            "versions": dict(self.versions),
            "firstFailures": [_failure(answer) for answer in self.failures],
            "seconds": round(self.seconds, 1),
            "pollSeconds": self.poll_seconds,
            "definitions": DEFINITIONS,
            "problems": problems(self.rows),
        }


def _failure(answer: Answer) -> dict[str, Any]:
    return {
        "sentAt": datetime.fromtimestamp(answer.sent_at, UTC).isoformat(timespec="milliseconds"),
        "latencySeconds": round(answer.latency_seconds, 3),
        "status": answer.status,
        "revision": answer.revision,
        "error": answer.error,
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def build(recording: Recording, *, versions: Mapping[str, str], poll_seconds: float) -> Report:
    """Return the report of a recording with at least one look."""
    found = counts(recording.answers)
    unsent = found.pop(Outcome.UNSENT)
    return Report(
        rows=tuple(_row(recording, rollout) for rollout in recording.rollouts),
        requests={
            "sent": sum(found.values()),
            "ok": found[Outcome.CORRECT],
            "failed": found[Outcome.FAILED],
            "wrong": found[Outcome.WRONG],
            "null": found[Outcome.NULL],
            "unsent": unsent,
        },
        versions=versions,
        failures=tuple(answer for answer in recording.answers if answer.outcome is Outcome.FAILED)[
            :SHOWN_FAILURES
        ],
        seconds=recording.looks[-1].time - recording.looks[0].time,
        poll_seconds=poll_seconds,
    )


def _row(recording: Recording, rollout: Rollout) -> Row:
    revision = _at_end(recording.looks, rollout)
    name = revision.name if revision else ""
    outcome = revision.outcome if revision else "none"
    decision = revision.decision if revision else None
    own = [answer for answer in recording.answers if name and answer.revision == name]
    blamed = _unlabelled_failures(recording, rollout, name)
    found = counts([*own, *blamed])
    return Row(
        revision=rollout.version,
        name=name,
        outcome=outcome,
        gate=decision.gate if decision else None,
        value=decision.value if decision else None,
        bound=decision.bound if decision else None,
        samples=decision.samples if decision else None,
        stage=decision.stage if decision else None,
        message=revision.message if revision else "",
        seconds_to_restore=_seconds_to_restore(recording, name) if outcome == ROLLED_BACK else None,
        failed_requests=found[Outcome.FAILED],
        wrong_answers=found[Outcome.WRONG] + found[Outcome.NULL],
        null_answers=found[Outcome.NULL],
        answers=len(own),
        latency_p95_seconds=quantile([answer.latency_seconds for answer in own], 0.95),
        failed_during_rollout=counts(
            answer
            for answer in recording.answers
            if rollout.applied_at <= answer.sent_at <= rollout.ended_at
        )[Outcome.FAILED],
    )


def _at_end(looks: Sequence[Look], rollout: Rollout) -> Revision | None:
    """Return the revision as it was in the last look before the next version was applied."""
    for look in reversed([look for look in looks if look.time <= rollout.ended_at]):
        for revision in look.revisions:
            if revision.version == rollout.version:
                return revision
    return None


def spans(looks: Sequence[Look], name: str, *, live_only: bool) -> list[tuple[float, float]]:
    """Return the times (from, to) in which the HTTPRoute named the revision.

    A span ends at the first look without it; one still open ends at the last look.
    """
    found: list[tuple[float, float]] = []
    since: float | None = None
    for look in looks:
        named = name in dict(look.route.weights) if live_only else look.route.mentions(name)
        if named and since is None:
            since = look.time
        elif not named and since is not None:
            found.append((since, look.time))
            since = None
    if since is not None:
        found.append((since, looks[-1].time))
    return found


def _seconds_to_restore(recording: Recording, name: str) -> float | None:
    seen = spans(recording.looks, name, live_only=False)
    if not seen:
        return None
    last_answer = max(
        (answer.ended_at for answer in recording.answers if answer.revision == name),
        default=seen[-1][1],
    )
    return round(max(seen[-1][1], last_answer) - seen[0][0], 1)


def _unlabelled_failures(recording: Recording, rollout: Rollout, name: str) -> list[Answer]:
    exposed = [
        span for span in spans(recording.looks, name, live_only=True) if span[0] <= rollout.ended_at
    ]
    return [
        answer
        for answer in recording.answers
        if answer.outcome is Outcome.FAILED
        and answer.revision is None
        and rollout.applied_at <= answer.sent_at <= rollout.ended_at
        and any(start <= answer.sent_at <= end for start, end in exposed)
    ]


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the nearest-rank quantile, None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))], 4)


def problems(rows: Iterable[Row]) -> list[str]:
    """Return what is not as it must be: v2 promoted without a failed request, v3 and v4 out."""
    by_version = {row.revision: row for row in rows}
    found = []
    for version, wanted in (("v2", PROMOTED), ("v3", ROLLED_BACK), ("v4", ROLLED_BACK)):
        row = by_version.get(version)
        if row is None:
            found.append(f"{version}: was never applied")
        elif row.outcome != wanted:
            found.append(f"{version}: outcome is {row.outcome}, must be {wanted}. {row.message}")
    promoted = by_version.get("v2")
    if promoted and promoted.failed_during_rollout:
        found.append(
            f"v2: {promoted.failed_during_rollout} requests failed during its rollout, must be 0."
        )
    return found
