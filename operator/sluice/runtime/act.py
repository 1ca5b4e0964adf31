"""Carry out a decision, in the one order that a crash cannot harm.

The status comes first, held against what was read: a deposed leader or a stale
read fails there, before it touches traffic. Then the traffic, then the rest.
"""

from __future__ import annotations

import logging
from typing import Any, assert_never

from sluice.adapters.cluster import DEPLOYMENTS, EVENTS, REVISIONS, ROUTES, SERVICES, Cluster
from sluice.api.names import API_VERSION
from sluice.core.actions import (
    Action,
    ApplyRevision,
    ApplyRoute,
    ApplyService,
    Decision,
    DeleteRevision,
    DeleteService,
    RecordRevision,
)
from sluice.core.observation import Observation
from sluice.errors import ClusterRefused, ForeignChange, SourceUnavailable

log = logging.getLogger(__name__)


async def act(cluster: Cluster, o: Observation, decision: Decision, resource_version: str) -> None:
    """Write the status, then do every action.

    A rollback needs only the route to be writable: it goes on if the status cannot be written.

    Raises: ForeignChange if the object changed since it was read; SluiceError if a write fails.
    """
    rollback = any(isinstance(a, ApplyRoute) and a.rollback for a in decision.actions)
    failure: SourceUnavailable | ClusterRefused | None = None
    if decision.status is not None:
        try:
            await _write_status(cluster, o, decision, resource_version)
        except (SourceUnavailable, ClusterRefused) as error:
            if not rollback:
                raise
            failure = error
    for action in sorted(decision.actions, key=_order):
        await _do(cluster, o, action)
    if failure is not None:
        raise failure


def _order(action: Action) -> int:
    """Traffic first; what a route may come to need before what is let go."""
    order = (
        ApplyRoute,
        ApplyRevision,
        ApplyService,
        RecordRevision,
        DeleteService,
        DeleteRevision,
    )
    return order.index(type(action))


async def _write_status(
    cluster: Cluster, o: Observation, decision: Decision, resource_version: str
) -> None:
    assert decision.status is not None  # noqa: S101 - for the type checker; the caller asked
    await cluster.apply_status(
        DEPLOYMENTS,
        {
            "apiVersion": API_VERSION,
            "kind": "ModelDeployment",
            "metadata": {
                "name": o.name,
                "namespace": o.namespace,
                "resourceVersion": resource_version,
            },
            "status": decision.status.to_dict(),
        },
    )


async def _do(cluster: Cluster, o: Observation, action: Action) -> None:
    match action:
        case ApplyRoute(manifest=manifest):
            await cluster.apply(ROUTES, dict(manifest))
        case ApplyRevision(manifest=manifest):
            await cluster.apply(REVISIONS, dict(manifest))
        case ApplyService(manifest=manifest):
            await cluster.apply(SERVICES, dict(manifest))
        case RecordRevision(name=name, status=status):
            body: dict[str, Any] = {
                "apiVersion": API_VERSION,
                "kind": "ModelRevision",
                "metadata": {"name": name, "namespace": o.namespace},
                "status": status.to_dict(),
            }
            await cluster.apply_status(REVISIONS, body)
        case DeleteService(name=name):
            await cluster.delete(SERVICES, o.namespace, name)
        case DeleteRevision(name=name):
            await cluster.delete(REVISIONS, o.namespace, name)
        case _:
            assert_never(action)


async def tell(cluster: Cluster, bodies: list[dict[str, Any]]) -> None:
    """Create the events; news that cannot be told stops nothing."""
    for body in bodies:
        try:
            await cluster.create(EVENTS, body)
        except ForeignChange:
            pass  # told already
        except (SourceUnavailable, ClusterRefused) as error:
            log.warning("%s", error)
