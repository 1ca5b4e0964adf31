"""One leader by a Lease: whoever holds it acts, everybody else waits.

A holder stops on its own clock before anybody else may take over: it counts from
the moment before its last successful renewal, and a standby from the moment it
saw the record change. Clocks of two machines are never compared.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sluice.adapters.cluster import LEASES, Cluster
from sluice.errors import SluiceError
from sluice.runtime import clock

log = logging.getLogger(__name__)

NAME = "sluice-operator"


@dataclass(slots=True)
class Elector:
    """A contender for the Lease `sluice-operator` of `namespace`."""

    cluster: Cluster
    namespace: str
    identity: str
    lease_seconds: float = 15.0
    renew_deadline_seconds: float = 10.0
    retry_seconds: float = 2.0
    _held_until: float = field(default=0.0)
    _seen: tuple[str, float] = field(default=("", 0.0))

    @property
    def leading(self) -> bool:
        """Whether this process may write now."""
        return asyncio.get_running_loop().time() < self._held_until

    async def acquire(self) -> None:
        """Return once this process leads."""
        while not await self._tried(self._try_acquire):  # noqa: ASYNC110 - polls the API server
            await asyncio.sleep(self.retry_seconds)
        log.info("leading", extra={"identity": self.identity})

    async def hold(self) -> None:
        """Renew until the Lease is lost; then return."""
        while self.leading:
            await asyncio.sleep(self.retry_seconds)
            await self._tried(self._renew)
        log.error("lost the lease", extra={"identity": self.identity})

    async def release(self) -> None:
        """Give the Lease up, so that a standby need not wait for it to expire."""
        self._held_until = 0.0
        try:
            async with asyncio.timeout(self.retry_seconds):
                lease = await self.cluster.get(LEASES, self.namespace, NAME)
                if lease and lease["spec"].get("holderIdentity") == self.identity:
                    lease["spec"]["holderIdentity"] = ""
                    await self.cluster.replace(LEASES, lease)
        except (SluiceError, TimeoutError) as error:
            log.warning("could not release the lease: %s", error)

    async def _tried(self, attempt: Callable[[], Awaitable[bool]]) -> bool:
        """Run `attempt`; whatever goes wrong with the API server is a failed attempt."""
        try:
            async with asyncio.timeout(self.renew_deadline_seconds / 2):
                return await attempt()
        except (SluiceError, TimeoutError) as error:
            log.warning("no answer about the lease: %s", error)
            return False

    async def _try_acquire(self) -> bool:
        before = asyncio.get_running_loop().time()
        lease = await self.cluster.get(LEASES, self.namespace, NAME)
        if lease is None:
            await self.cluster.create(LEASES, self._record(transitions=0))
            self._held_until = before + self.renew_deadline_seconds
            return True
        spec = lease["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self.identity and not self._expired(lease, before):
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self.identity)
        lease["spec"] = self._record(transitions)["spec"]
        await self.cluster.replace(LEASES, lease)
        self._held_until = before + self.renew_deadline_seconds
        return True

    async def _renew(self) -> bool:
        before = asyncio.get_running_loop().time()
        lease = await self.cluster.get(LEASES, self.namespace, NAME)
        if lease is None or lease["spec"].get("holderIdentity") != self.identity:
            self._held_until = 0.0
            return False
        lease["spec"]["renewTime"] = _micro_time()
        await self.cluster.replace(LEASES, lease)
        self._held_until = before + self.renew_deadline_seconds
        return True

    def _expired(self, lease: dict[str, Any], now: float) -> bool:
        """Whether the record stood still for the lease's length, by this machine's clock."""
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, now)
        seconds = float(lease["spec"].get("leaseDurationSeconds") or self.lease_seconds)
        return now - self._seen[1] >= seconds

    def _record(self, transitions: int) -> dict[str, Any]:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(self.lease_seconds),
                "acquireTime": _micro_time(),
                "renewTime": _micro_time(),
                "leaseTransitions": transitions,
            },
        }


def _micro_time() -> str:
    return clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
