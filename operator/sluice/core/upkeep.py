"""What the cluster should hold for a state: objects to write, objects to let go.

Level-based: it compares with what is there, so that it repairs a hand edit, a
deletion and a crash half-way alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sluice.api.names import API_VERSION, REVISION_LABEL
from sluice.api.reasons import Outcome, Reason, StageKind
from sluice.api.spec import Policy
from sluice.api.status import ModelRevisionSpec, ModelRevisionStatus, Reading
from sluice.core import history
from sluice.core.actions import (
    Action,
    ApplyRevision,
    ApplyRoute,
    ApplyService,
    DeleteRevision,
    DeleteService,
    RecordRevision,
)
from sluice.core.course import Standing, wanted_revision
from sluice.core.observation import Observation
from sluice.core.predictors import inference_service
from sluice.core.revisions import child_metadata, revision_spec
from sluice.routers import gateway_api
from sluice.routers.split import Split

_ENDED = frozenset({Outcome.ROLLED_BACK, Outcome.SUPERSEDED, Outcome.RETIRED})


def live_revisions(now: Standing) -> tuple[str, ...]:
    """Return the revisions that must run: stable, and the candidate on trial."""
    return tuple(name for name in (now.stable, now.candidate) if name)


def route(o: Observation, policy: Policy, now: Standing, split: Split) -> Iterator[ApplyRoute]:
    """Yield the route if the one in the cluster is not exactly this one."""
    spec = gateway_api.render(policy.traffic, split)
    if o.route is not None and (not o.route.ours or gateway_api.same(o.route.spec, spec)):
        return
    yield ApplyRoute(
        manifest={
            "apiVersion": gateway_api.API_VERSION,
            "kind": "HTTPRoute",
            "metadata": child_metadata(name=o.name, namespace=o.namespace, owner=o.name, uid=o.uid),
            "spec": spec,
        },
        rollback=now.stage.kind is StageKind.ROLLING_BACK,
    )


def workloads(o: Observation, now: Standing) -> Iterator[Action]:
    """Yield what is missing of the revisions that must run."""
    for name in live_revisions(now):
        spec = _spec_of(o, name)
        if spec is None:
            continue
        if name not in o.revisions:
            metadata = child_metadata(
                name=name,
                namespace=o.namespace,
                owner=o.name,
                uid=o.uid,
                labels={REVISION_LABEL: name},
            )
            yield ApplyRevision(
                {
                    "apiVersion": API_VERSION,
                    "kind": "ModelRevision",
                    "metadata": metadata,
                    "spec": spec.to_dict(),
                }
            )
        if not o.workload(name).exists:
            yield ApplyService(
                inference_service(
                    name=name, namespace=o.namespace, owner=o.name, uid=o.uid, revision=spec
                )
            )


def _spec_of(o: Observation, name: str) -> ModelRevisionSpec | None:
    if name in o.revisions:
        return o.revisions[name].spec
    if o.spec is not None and wanted_revision(o) == name:
        numbers = [r.spec.number for r in o.revisions.values()]
        return revision_spec(o.name, o.spec, max(numbers, default=0) + 1)
    return None


def records(
    o: Observation,
    before: Standing | None,
    now: Standing,
    splits: tuple[Split | None, Split | None],
    readings: tuple[Reading, ...],
) -> Iterator[RecordRevision]:
    """Yield the histories that lack a stage or an outcome; `splits` are before and now."""
    updated: dict[str, ModelRevisionStatus] = {}
    steps = [(before, splits[0])] if before else []
    for state, split in [*steps, (now, splits[1])]:
        name = state.stage.revision
        old = updated.get(name) or _status_of(o, name, live_revisions(now))
        if old is not None:
            last = readings if before and name == before.stage.revision else ()
            updated[name] = history.record(old, state.stage, split, last)
    for name, revision in o.revisions.items():
        end = _silent_end(name, revision.status.outcome, now)
        if end is not None and name != now.stage.revision:
            outcome, reason, message = end
            base = updated.get(name, revision.status)
            updated[name] = history.ended(base, outcome, reason, message, o.now)
    for name, status in updated.items():
        known = o.revisions.get(name)
        if known is None or _durable(known.status) != _durable(status):
            yield RecordRevision(name, status)


def _status_of(o: Observation, name: str, live: tuple[str, ...]) -> ModelRevisionStatus | None:
    if name in o.revisions:
        return o.revisions[name].status
    return ModelRevisionStatus() if name in live and _spec_of(o, name) else None


def _durable(status: ModelRevisionStatus) -> ModelRevisionStatus:
    """Without the readings, which change at each look and are written with the rest."""
    return status.model_copy(update={"gates": ()})


def _silent_end(name: str, outcome: Outcome, now: Standing) -> tuple[Outcome, Reason, str] | None:
    """Return how a revision ended that is neither on trial nor stable any more."""
    if name in live_revisions(now):
        return None
    if outcome is Outcome.IN_PROGRESS:
        message = f"{now.stage.revision} took its place before it was judged"
        return Outcome.SUPERSEDED, Reason.SUPERSEDED, message
    if outcome is Outcome.STABLE:
        return Outcome.RETIRED, Reason.RETIRED, f"{now.stable} was promoted"
    return None


def farewells(o: Observation, policy: Policy, now: Standing) -> tuple[tuple[Action, ...], float]:
    """Return what may be deleted now, and in how many seconds more may be (0: nothing waits)."""
    live = set(live_revisions(now))
    routed = _routed(o)
    drain = timedelta(seconds=policy.rollout.drain_seconds)
    actions: list[Action] = []
    wait = 0.0
    for name, revision in o.revisions.items():
        status = revision.status
        if name in live or name in routed or status.outcome not in _ENDED:
            continue
        if not o.workload(name).exists:
            continue
        due = (status.outcome_time or o.now) + drain
        if due <= o.now:
            actions.append(DeleteService(name))
        else:
            wait = max(wait, (due - o.now).total_seconds())
    orphans = set(o.workloads) - set(o.revisions) - live - routed
    actions += [DeleteService(name) for name in sorted(orphans) if o.workload(name).exists]
    actions += [DeleteRevision(name) for name in _forgotten(o, policy, now)]
    return tuple(actions), wait


def _routed(o: Observation) -> frozenset[str]:
    split = gateway_api.read(o.route.spec) if o.route and o.route.ours else None
    return split.revisions if split else frozenset()


def _forgotten(o: Observation, policy: Policy, now: Standing) -> list[str]:
    """Return ended revisions beyond the history limit, oldest first."""
    kept = {*live_revisions(now), now.stage.revision}
    ended = sorted(
        (r.spec.number, name)
        for name, r in o.revisions.items()
        if name not in kept and r.status.outcome in _ENDED and not o.workload(name).exists
    )
    surplus = len(ended) - policy.revision_history_limit
    return [name for _, name in ended[: max(0, surplus)]]
