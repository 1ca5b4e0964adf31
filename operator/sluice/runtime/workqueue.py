"""A keyed work queue: one worker per key at a time, delays, backoff, nothing twice.

Kopf drops an event whose handler fails; here a key that fails comes back, later
each time, and a key that changes while it is worked on comes back at once.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from contextlib import suppress
from dataclasses import dataclass, field

Key = tuple[str, str]
"""Namespace and name of a ModelDeployment."""

_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 60.0


@dataclass(slots=True)
class WorkQueue:
    """Keys to look at, each with the time at which it is due."""

    _due: dict[Key, float] = field(default_factory=dict)
    _heap: list[tuple[float, Key]] = field(default_factory=list)
    _busy: set[Key] = field(default_factory=set)
    _again: set[Key] = field(default_factory=set)
    _failures: dict[Key, int] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        """Return how many keys wait, those with a delay included."""
        return len(self._due)

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Look at `key` after `delay` seconds, or earlier if it is due earlier already."""
        if key in self._busy and not delay:
            self._again.add(key)
            return
        at = asyncio.get_running_loop().time() + delay
        if at < self._due.get(key, math.inf):
            self._due[key] = at
            heapq.heappush(self._heap, (at, key))
            self._wake.set()

    async def get(self) -> Key:
        """Return the next key that is due; nobody else gets it until `done`."""
        while True:
            key = self._take()
            if key is not None:
                return key
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._wake.wait()

    def done(self, key: Key, requeue: float | None = None) -> None:
        """Give `key` back; look at it again after `requeue` seconds, if given."""
        self._failures.pop(key, None)
        self._release(key, requeue)

    def failed(self, key: Key) -> float:
        """Give `key` back after a failure; return the seconds until the next try."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        backoff: float = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0**count)
        delay = backoff * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, no secret
        self._release(key, delay)
        return delay

    def _release(self, key: Key, requeue: float | None) -> None:
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        elif requeue is not None:
            self.add(key, requeue)

    def _take(self) -> Key | None:
        now = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._due.get(key) != at:
                continue  # an earlier entry took its place
            del self._due[key]
            if key in self._busy:
                self._again.add(key)
                continue
            self._busy.add(key)
            return key
        return None

    def _wait(self) -> float | None:
        if not self._heap:
            return None
        return max(0.0, self._heap[0][0] - asyncio.get_running_loop().time())
