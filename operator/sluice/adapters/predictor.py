"""The model itself, asked directly: is it loaded, and does it answer the warm-up?

Each pod is asked by its own address, since the Service would spread the requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from sluice.api.names import MODE_HEADER
from sluice.api.spec import WarmUp

_SECONDS = 10.0
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Target:
    """A pod that serves a model."""

    pod: str
    ip: str
    port: int
    model_name: str
    protocol_known: bool
    """Whether the predictor is a `model:` one, which speaks the v1 or v2 protocol. A container
    of the user's may speak anything: then its readiness probe has the last word."""


class Predictors:
    """HTTP to the model servers' pods."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def warm(self, targets: tuple[Target, ...], warm_up: WarmUp | None) -> frozenset[str]:
        """Return the pods whose model is loaded and which answered every warm-up request.

        A pod that does not answer is simply not warm: the next pass asks again.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._warm(target, warm_up)) for target in targets]
        return frozenset(name for task in tasks if (name := task.result()))

    async def _warm(self, target: Target, warm_up: WarmUp | None) -> str | None:
        base = f"http://{target.ip}:{target.port}"
        predict = f"{base}/v1/models/{target.model_name}:predict"
        try:
            async with asyncio.timeout(_SECONDS):
                if not await self._loaded(base, target):
                    return None
                for _ in range(warm_up.requests if warm_up else 0):
                    body = warm_up.body if warm_up else None
                    if not _is_ok(await self._status("POST", predict, body)):
                        return None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        return target.pod

    async def _loaded(self, base: str, target: Target) -> bool:
        """Ask by the v1 protocol, then by v2."""
        status = 0
        for path in (f"/v1/models/{target.model_name}", f"/v2/models/{target.model_name}/ready"):
            status = await self._status("GET", base + path, None)
            if status != _NOT_FOUND:
                break
        return _is_ok(status) or (status == _NOT_FOUND and not target.protocol_known)

    async def _status(self, method: str, url: str, body: str | None) -> int:
        headers = {MODE_HEADER: "probe", "content-type": "application/json"}
        async with self._session.request(method, url, data=body, headers=headers) as response:
            await response.read()
            return response.status


def _is_ok(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's success class
