"""Kopf's event layer, and nothing else of it: every event only names a key to look at.

Without update handlers, timers, daemons and indices Kopf writes nothing to any
object: no annotation, no finalizer.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import kopf

from sluice.adapters.cluster import DEPLOYMENTS, ROUTES, SERVICES, Kind
from sluice.api.names import OWNER_LABEL
from sluice.runtime.workqueue import Key, WorkQueue

_PODS = Kind("", "v1", "pods")
_CHILDREN = (SERVICES, ROUTES, _PODS)


class EndlessBackoffs(Collection[float]):
    """Backoffs without end: a long outage of the API server must not end the operator."""

    _FIRST = (1.0, 2.0, 4.0, 8.0, 15.0)

    def __iter__(self) -> Iterator[float]:
        """Yield growing delays in seconds, then about 30 for ever."""
        yield from self._FIRST
        while True:
            yield 30.0 * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, no secret

    def __len__(self) -> int:
        """Return a length, which nothing rests on."""
        return len(self._FIRST)

    def __contains__(self, item: object) -> bool:
        """Return whether `item` is one of the growing delays."""
        return item in self._FIRST


def operator_settings(*, namespaced: bool) -> kopf.OperatorSettings:
    """Return Kopf's settings for a read-only, patient, cluster-friendly watcher.

    `namespaced`: there is no right to list CRDs, so those of the start are what is served.
    """
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = namespaced
    settings.watching.chunk_size = 500  # type: ignore[attr-defined,unused-ignore]
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 310
    for kind in _CHILDREN:
        selectors = settings.watching.label_selectors
        selectors[kind.group, kind.version, kind.plural] = OWNER_LABEL
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.networking.request_timeout = 30
    return settings


def bind(registry: kopf.OperatorRegistry, queue: WorkQueue) -> None:
    """Feed `queue` from the watches of parents and children."""
    generations: dict[Key, int] = {}

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401
        # Called again whenever the API server says 401: service account tokens are renewed.
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    @kopf.on.event(DEPLOYMENTS.group, DEPLOYMENTS.version, DEPLOYMENTS.plural, registry=registry)
    async def parent(
        *,
        type: str,  # noqa: A002 - Kopf's name
        namespace: str | None,
        name: str,
        meta: kopf.Meta,
        **_: Any,  # noqa: ANN401
    ) -> None:
        key = (namespace or "", name)
        if type == "DELETED":
            generations.pop(key, None)
            return
        # Our own status writes come back as events: they say nothing new.
        if generations.get(key) != meta["generation"]:
            generations[key] = meta["generation"]
            queue.add(key)

    for kind in _CHILDREN:

        @kopf.on.event(
            kind.group, kind.version, kind.plural, registry=registry, id=f"child-{kind.plural}"
        )
        async def child(
            *,
            namespace: str | None,
            labels: Mapping[str, str],
            **_: Any,  # noqa: ANN401
        ) -> None:
            owner = labels.get(OWNER_LABEL)
            if owner:
                queue.add((namespace or "", owner))
