"""Read everything that one decision needs, at once, into one frozen value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any

from sluice.adapters.cluster import DEPLOYMENTS, REVISIONS, ROUTES, SERVICES, Cluster
from sluice.adapters.predictor import Predictors, Target
from sluice.adapters.prometheus import Prometheus
from sluice.api.names import OWNER_LABEL, REVISION_LABEL
from sluice.api.parse import parse_revision, parse_spec, parse_status
from sluice.api.reasons import StageKind
from sluice.api.spec import ModelDeploymentSpec, Policy
from sluice.api.status import ModelDeploymentStatus
from sluice.core import gates
from sluice.core.observation import Measurement, Observation, Pod, Revision, Route, Workload
from sluice.errors import ClusterRefused, FieldError, InvalidSpec, SourceUnavailable

Json = Mapping[str, Any]

_DEFAULT_PORT = 8080


async def observe(
    cluster: Cluster,
    prometheus: Prometheus,
    predictors: Predictors,
    key: tuple[str, str],
    now: datetime,
) -> tuple[Observation, str] | None:
    """Return the observation and the resource version it rests on; None if nothing is wanted.

    Raises: SluiceError if the ModelDeployment or its route cannot be read. Whatever else fails
    is part of the observation.
    """
    namespace, name = key
    raw = await cluster.get(DEPLOYMENTS, namespace, name)
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    spec, errors = _parsed(raw)
    status = parse_status(raw.get("status"))
    policy = Policy.of(spec) if spec else status.policy
    selector = f"{OWNER_LABEL}={name}"
    # Not in the group: a failure there comes as an ExceptionGroup, and looks like a bug.
    route = _route(await cluster.get(ROUTES, namespace, name), raw["metadata"]["uid"])
    async with asyncio.TaskGroup() as group:
        revisions = group.create_task(_readable(cluster.list(REVISIONS, namespace, selector)))
        services = group.create_task(_readable(cluster.list(SERVICES, namespace, selector)))
        pods = group.create_task(_readable(cluster.pods(namespace, selector)))
        measured = group.create_task(_measure(prometheus, namespace, policy, status, now))
    reads = (revisions.result(), services.result(), pods.result())
    blind = next((read for read in reads if isinstance(read, str)), None)
    known, workloads = {}, {}
    match reads:
        case list(r), list(s), list(p):
            known = {item["metadata"]["name"]: Revision(*parse_revision(item)) for item in r}
            workloads = await _warmed(predictors, _workloads(s, p), p, known, policy, status)
        case _:
            pass
    observation = Observation(
        now=now,
        name=name,
        namespace=namespace,
        uid=raw["metadata"]["uid"],
        generation=raw["metadata"]["generation"],
        spec=spec,
        errors=errors,
        policy=policy,
        status=status,
        revisions=known,
        workloads=workloads,
        route=route,
        measurements=measured.result(),
        blind=blind,
    )
    return observation, raw["metadata"]["resourceVersion"]


async def _readable(read: Awaitable[list[Any]]) -> list[Any] | str:
    """Return what was read, or why it could not be: a rollback needs none of it."""
    try:
        return await read
    except (SourceUnavailable, ClusterRefused) as error:
        return str(error)


def _parsed(raw: Json) -> tuple[ModelDeploymentSpec | None, tuple[FieldError, ...]]:
    try:
        return parse_spec(raw["spec"]), ()
    except InvalidSpec as error:
        return None, error.errors


async def _measure(
    prometheus: Prometheus,
    namespace: str,
    policy: Policy | None,
    status: ModelDeploymentStatus,
    now: datetime,
) -> dict[str, Measurement]:
    if policy is None or status.stage is None:
        return {}
    stage = status.stage
    labels = {"namespace": namespace, "revision": stage.revision}
    settle = policy.rollout.settle_seconds
    questions = {
        gate.name: gates.question(gate, labels, window)
        for gate in gates.asked(policy, stage)
        if (window := gates.window_seconds(gate, stage, settle, now))
    }
    return await prometheus.measure(questions, now)


def _workloads(services: list[Any], pods: list[Any]) -> dict[str, Workload]:
    by_revision: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        revision = pod["metadata"]["labels"].get(REVISION_LABEL, "")
        by_revision.setdefault(revision, []).append(_pod(pod))
    return {
        service["metadata"]["name"]: Workload(
            exists=not service["metadata"].get("deletionTimestamp"),
            desired=int(service["spec"]["predictor"].get("minReplicas", 1)),
            pods=tuple(by_revision.get(service["metadata"]["name"], ())),
        )
        for service in services
    }


def _pod(raw: Json) -> Pod:
    status = raw.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    waiting = [
        c["state"]["waiting"].get("reason", "")
        for c in containers
        if (c.get("state") or {}).get("waiting")
    ]
    scheduled = conditions.get("PodScheduled", {})
    homeless = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return Pod(
        name=raw["metadata"]["name"],
        ready=conditions.get("Ready", {}).get("status") == "True",
        restarts=max((c.get("restartCount", 0) for c in containers), default=0),
        # These two come before every start and say nothing.
        waiting=next(
            (w for w in waiting if w not in {"ContainerCreating", "PodInitializing"}), None
        ),
        unschedulable=scheduled.get("message") if homeless else None,
        ip=status.get("podIP"),
    )


async def _warmed(
    predictors: Predictors,
    workloads: dict[str, Workload],
    pods: list[Any],
    revisions: Mapping[str, Revision],
    policy: Policy | None,
    status: ModelDeploymentStatus,
) -> dict[str, Workload]:
    """Ask the ready pods of a loading candidate whether they are warm."""
    stage = status.stage
    if policy is None or stage is None or stage.kind is not StageKind.LOADING:
        return workloads
    workload, revision = workloads.get(stage.revision), revisions.get(stage.revision)
    if workload is None or revision is None or not workload.ready:
        return workloads
    ports = {p["metadata"]["name"]: _port(p) for p in pods}
    targets = tuple(
        Target(
            pod=pod.name,
            ip=pod.ip,
            port=ports.get(pod.name, _DEFAULT_PORT),
            model_name=revision.spec.model_name,
            protocol_known="model" in revision.spec.predictor,
        )
        for pod in workload.pods
        if pod.ready and pod.ip
    )
    warm = await predictors.warm(targets, policy.rollout.warm_up)
    updated = Workload(workload.exists, workload.desired, workload.pods, warm)
    return workloads | {stage.revision: updated}


def _port(pod: Json) -> int:
    containers = pod["spec"]["containers"]
    serving = next((c for c in containers if c["name"] == "kserve-container"), containers[0])
    ports = serving.get("ports") or ()
    return int(ports[0]["containerPort"]) if ports else _DEFAULT_PORT


def _route(raw: Json | None, uid: str) -> Route | None:
    if raw is None or raw["metadata"].get("deletionTimestamp"):
        return None
    owners = raw["metadata"].get("ownerReferences") or ()
    if not any(owner["uid"] == uid for owner in owners):
        name = raw["metadata"]["name"]
        problem = (
            f"HTTPRoute {name} is not Sluice's: delete it, or give the ModelDeployment another name"
        )
        return Route(spec=raw["spec"], refused=problem, ours=False)
    refused = [
        f"{c['type']}: {c.get('reason')}: {c.get('message')}"
        for parent in raw.get("status", {}).get("parents") or ()
        for c in parent.get("conditions") or ()
        if c["type"] in {"Accepted", "ResolvedRefs"}
        and c["status"] == "False"
        and c.get("observedGeneration", 0) >= raw["metadata"]["generation"]
    ]
    return Route(spec=raw["spec"], refused="; ".join(refused)[:500] or None)
