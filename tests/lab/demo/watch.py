"""Looks at what the API server says: the ModelDeployment, its HTTPRoute and its revisions.

Polling, not watching: a look is one point in time for all objects, and its resolution
(POLL_SECONDS) bounds the error of every duration in the report. The parsing is pure; an
object that is not there yet is an empty look, not an error.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from kubernetes.aio import client, config

from lab.errors import LabError

POLL_SECONDS = 0.2
REQUEST_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
NOT_FOUND = 404
THROWN_OUT = {"RollingBack", "RolledBack"}
"""Kinds of stage whose revision is a candidate no longer; here it is one until the next."""

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """What the HTTPRoute says, in percent: who answers, and who gets copies."""

    weights: tuple[tuple[str, float], ...] = ()
    mirrors: tuple[tuple[str, float], ...] = ()

    def mentions(self, revision: str) -> bool:
        """Return whether any request, or copy of one, may reach `revision`."""
        return revision in dict(self.weights) or revision in dict(self.mirrors)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate's reading in status; `value` is None while there is none."""

    name: str
    verdict: str
    value: float | None
    bound: str
    samples: int

    def limits(self) -> tuple[float, ...]:
        """Return the numbers of the bound, to draw as lines."""
        return tuple(float(found) for found in re.findall(r"\d+\.?\d*(?:[eE]-?\d+)?", self.bound))


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate that ended a rollout."""

    gate: str
    value: float | None
    bound: str
    samples: int
    stage: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A ModelRevision; `version` is the last part of its storageUri (v1, v2, ...)."""

    name: str
    version: str
    outcome: str
    reason: str
    message: str
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Look:
    """All of it at one time (Unix seconds).

    `candidate_weight` and `candidate_mirror` are what the status says, in percent; `route`,
    read a moment earlier, is what the gateway was told.
    """

    time: float
    stage: str
    kind: str
    message: str
    stable: str | None
    candidate: str | None
    candidate_weight: float
    candidate_mirror: float
    route: Route
    gates: tuple[Gate, ...]
    revisions: tuple[Revision, ...]

    def version_of(self, revision: str | None) -> str:
        """Return v1, v2, ... for a revision's name, or the name itself if unknown."""
        names = {known.name: known.version for known in self.revisions}
        return names.get(revision or "", revision or "none")

    def same_as(self, other: "Look") -> bool:
        """Return whether only the time differs."""
        return all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__ if name != "time"
        )


def parse_route(route: Manifest | None) -> Route:
    """Return the shares of an HTTPRoute with one rule (the first one counts)."""
    rules = ((route or {}).get("spec") or {}).get("rules") or [{}]
    backends = [
        (_revision(ref.get("name", "")), float(ref.get("weight", 1)))
        for ref in rules[0].get("backendRefs") or []
    ]
    total = sum(weight for _, weight in backends) or 1.0
    mirrors = [
        entry["requestMirror"]
        for entry in rules[0].get("filters") or []
        if entry.get("type") == "RequestMirror"
    ]
    return Route(
        weights=tuple((name, 100 * weight / total) for name, weight in backends if weight > 0),
        mirrors=tuple(
            (_revision(mirror["backendRef"]["name"]), float(mirror.get("percent", 100)))
            for mirror in mirrors
        ),
    )


def _revision(backend: str) -> str:
    return backend.removesuffix("-predictor")


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def parse_gates(readings: list[Manifest]) -> tuple[Gate, ...]:
    """Return the gates of a status, in its order."""
    return tuple(
        Gate(
            name=reading["name"],
            verdict=reading.get("verdict", "Wait"),
            value=_number(reading.get("value")),
            bound=reading.get("bound", ""),
            samples=int(reading.get("samples") or 0),
        )
        for reading in readings
    )


def parse_revision(manifest: Manifest) -> Revision:
    """Return what a ModelRevision says about itself."""
    status = manifest.get("status") or {}
    model = manifest["spec"]["predictor"].get("model") or {}
    decided = status.get("decidedBy")
    return Revision(
        name=manifest["metadata"]["name"],
        version=str(model.get("storageUri", "?")).rstrip("/").rsplit("/", 1)[-1],
        outcome=status.get("outcome", "InProgress"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        decision=None
        if not decided
        else Decision(
            gate=decided.get("gate", ""),
            value=_number(decided.get("value")),
            bound=decided.get("bound", ""),
            samples=int(decided.get("samples") or 0),
            stage=decided.get("stage", ""),
        ),
    )


def parse_look(
    at: float, deployment: Manifest | None, route: Manifest | None, revisions: list[Manifest]
) -> Look:
    """Put one look together from the objects as the API server gave them."""
    status = (deployment or {}).get("status") or {}
    stage = status.get("stage") or {}
    candidate = status.get("candidate") or {}
    if stage.get("kind") in THROWN_OUT:
        candidate = {"revision": stage.get("revision")}
    return Look(
        time=at,
        stage=stage.get("name", ""),
        kind=stage.get("kind", ""),
        message=status.get("message") or stage.get("message", ""),
        stable=(status.get("stable") or {}).get("revision"),
        candidate=candidate.get("revision"),
        candidate_weight=float(candidate.get("weightPercent") or 0),
        candidate_mirror=float(candidate.get("mirrorPercent") or 0),
        route=parse_route(route),
        gates=parse_gates(status.get("gates") or []),
        revisions=tuple(
            sorted((parse_revision(item) for item in revisions), key=lambda known: known.version)
        ),
    )


@dataclass(frozen=True, slots=True)
class Watcher:
    """Looks at one ModelDeployment."""

    api: client.CustomObjectsApi
    namespace: str
    name: str

    async def looks(self) -> AsyncIterator[Look]:
        """Yield a look about every POLL_SECONDS, for ever.

        Raises: LabError if the server gives no answer for PATIENCE_SECONDS.
        """
        last_success = time.monotonic()
        while True:
            try:
                look = await self.look()
            except (client.ApiException, aiohttp.ClientError, TimeoutError) as error:
                if time.monotonic() - last_success > PATIENCE_SECONDS:
                    raise LabError(
                        f"API server: no answer for {PATIENCE_SECONDS:.0f} s. {error}"
                    ) from error
            else:
                last_success = time.monotonic()
                yield look
            await asyncio.sleep(POLL_SECONDS)

    async def look(self) -> Look:
        """Return one look; the time is that of the route, which is read first."""
        async with asyncio.timeout(REQUEST_SECONDS):
            route = await self._get("gateway.networking.k8s.io", "v1", "httproutes")
            at = time.time()
            deployment = await self._get("sluice.dev", "v1alpha1", "modeldeployments")
            return parse_look(at, deployment, route, await self._revisions())

    async def _get(self, group: str, version: str, plural: str) -> Manifest | None:
        try:
            found = await self.api.get_namespaced_custom_object(
                group, version, self.namespace, plural, self.name
            )
        except client.ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return cast("Manifest", found)

    async def _revisions(self) -> list[Manifest]:
        found = cast(
            "Manifest",
            await self.api.list_namespaced_custom_object(
                "sluice.dev", "v1alpha1", self.namespace, "modelrevisions"
            ),
        )
        return [
            item
            for item in found["items"]
            if item["spec"].get("modelDeployment", self.name) == self.name
        ]


@asynccontextmanager
async def watching(namespace: str, name: str) -> AsyncIterator[Watcher]:
    """Give a Watcher that uses the KUBECONFIG of the environment."""
    await config.load_kube_config()  # type: ignore[no-untyped-call]
    async with client.ApiClient() as connection:
        yield Watcher(client.CustomObjectsApi(connection), namespace, name)
