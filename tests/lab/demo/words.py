"""What happened between two looks, in plain sentences. Pure."""

from collections.abc import Iterator

from lab.demo.report import PROMOTED, ROLLED_BACK
from lab.demo.watch import Gate, Look

STAGES = {
    "Waiting": "{candidate} waits for its turn.",
    "Loading": "{candidate} is being loaded; nobody is sent to it yet.",
    "Shadow": (
        "{candidate} gets a copy of {mirror} of the requests; its answers are measured and dropped."
    ),
    "Weight": "{candidate} answers {weight} of the users, {stable} the rest.",
    "Bake": "{candidate} answers everyone; {stable} is kept ready to return at once.",
    "Stable": "{stable} answers everyone.",
    "RollingBack": "{candidate} is thrown out: everyone goes back to {stable}.",
    "RolledBack": "{stable} answers everyone, as before.",
}


def sentences(before: Look | None, now: Look) -> Iterator[str]:
    """Yield one sentence for each thing that differs, what matters most first."""
    yield from _outcomes(before, now)
    yield from _verdicts(before, now)
    stage = (now.kind, now.stage, now.candidate if now.kind != "Stable" else now.stable)
    if now.kind and (before is None or stage != _stage(before)):
        yield stage_sentence(now)


def _stage(look: Look) -> tuple[str, str, str | None]:
    return (look.kind, look.stage, look.candidate if look.kind != "Stable" else look.stable)


def stage_sentence(look: Look) -> str:
    """Return what the rollout does now."""
    template = STAGES.get(look.kind, "stage {kind}")
    return template.format(
        kind=look.kind,
        candidate=look.version_of(look.candidate),
        stable=look.version_of(look.stable),
        mirror=percent(look.candidate_mirror),
        weight=percent(look.candidate_weight),
    )


def _outcomes(before: Look | None, now: Look) -> Iterator[str]:
    known = {revision.name: revision.outcome for revision in before.revisions} if before else {}
    for revision in now.revisions:
        if revision.outcome == known.get(revision.name, "InProgress"):
            continue
        if revision.outcome == PROMOTED:
            yield f"{revision.version} is promoted. {revision.message}".strip()
        elif revision.outcome == ROLLED_BACK:
            yield f"{revision.version} is rolled back: {revision.message}"


def _verdicts(before: Look | None, now: Look) -> Iterator[str]:
    earlier = {gate.name: gate.verdict for gate in before.gates} if before else {}
    for gate in now.gates:
        if gate.verdict == "Fail" and earlier.get(gate.name) != "Fail":
            yield f"Gate {gate.name} says no: {reading(gate)}."


def reading(gate: Gate) -> str:
    """Return a gate's value against its bound and from how much."""
    value = "no value yet" if gate.value is None else f"{gate.value:.3g}"
    return f"{value}, must be {gate.bound}, from {gate.samples} samples"


def percent(share: float) -> str:
    """Return a share in percent without needless digits."""
    return f"{share:.3g} %"
