"""One pass over one ModelDeployment: observe, decide, act, say why.

This is the one loop boundary: whatever goes wrong in a pass is logged here and the
key comes back later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sluice.adapters.cluster import Cluster
from sluice.adapters.predictor import Predictors
from sluice.adapters.prometheus import Prometheus
from sluice.core.actions import ApplyRoute, Decision
from sluice.core.decide import decide
from sluice.core.observation import Observation
from sluice.errors import ForeignChange, SluiceError
from sluice.runtime import clock, events
from sluice.runtime.act import act, tell
from sluice.runtime.observe import observe
from sluice.runtime.telemetry import Telemetry
from sluice.runtime.workqueue import Key, WorkQueue

log = logging.getLogger(__name__)

_PASS_SECONDS = 60.0
_CONFLICT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Everything that a pass needs."""

    cluster: Cluster
    prometheus: Prometheus
    predictors: Predictors
    telemetry: Telemetry
    identity: str
    leading: Callable[[], bool]

    async def run(self, key: Key) -> float | None:
        """Do one pass; return in how many seconds the next one is due, None if only by a change.

        Raises: SluiceError if the cluster could not be read or written.
        """
        found = await observe(self.cluster, self.prometheus, self.predictors, key, clock.now())
        if found is None:
            return None
        observation, resource_version = found
        decision = decide(observation)
        if not self.leading():
            log.warning("not leading any more: nothing is written", extra={"key": "/".join(key)})
            return None
        self._report(key, observation, decision)
        await act(self.cluster, observation, decision, resource_version)
        bodies = [
            events.render(observation, event, self.identity, observation.now)
            for event in decision.events
        ]
        await tell(self.cluster, bodies)
        return decision.requeue_seconds

    def _report(self, key: Key, observation: Observation, decision: Decision) -> None:
        name = "/".join(key)
        for event in decision.events:
            self.telemetry.events.labels(event.reason).inc()
            log.info("%s", event.note, extra={"key": name, "reason": event.reason})
        repaired = any(isinstance(a, ApplyRoute) for a in decision.actions)
        if repaired and decision.status is None and observation.route is not None:
            self.telemetry.drift.inc()
            log.warning("put the route back: somebody changed it", extra={"key": name})
        log.debug("%s", decision.explanation, extra={"key": name})


async def work(queue: WorkQueue, reconciler: Reconciler) -> None:
    """Take keys from the queue for ever."""
    while True:
        key = await queue.get()
        telemetry = reconciler.telemetry
        telemetry.queue_depth.set(len(queue))
        name = "/".join(key)
        try:
            with telemetry.duration.time():
                async with asyncio.timeout(_PASS_SECONDS):
                    again = await reconciler.run(key)
        except ForeignChange as error:
            telemetry.reconciles.labels("conflict").inc()
            log.debug("looking again: %s", error, extra={"key": name})
            queue.done(key, _CONFLICT_SECONDS)
        except (SluiceError, TimeoutError) as error:
            telemetry.reconciles.labels("error").inc()
            delay = queue.failed(key)
            log.warning("%s; again in %.1f s", error, delay, extra={"key": name})
        except Exception:  # the loop boundary: one object's bug must not stop the others
            telemetry.reconciles.labels("error").inc()
            delay = queue.failed(key)
            log.exception("a bug in Sluice; again in %.1f s", delay, extra={"key": name})
        else:
            telemetry.reconciles.labels("ok").inc()
            queue.done(key, again)
