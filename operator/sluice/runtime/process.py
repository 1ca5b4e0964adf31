"""The operator process: health, election, watches, workers, and an orderly end.

Kopf cancels every task born after its start, so ours are born before it. A leader
that loses its Lease ends the process at once: nothing is written by a deposed one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable
from contextlib import AsyncExitStack

import aiohttp
import kopf

from sluice.adapters.cluster import DEPLOYMENTS, Cluster, connect
from sluice.adapters.predictor import Predictors
from sluice.adapters.prometheus import Prometheus
from sluice.errors import SluiceError
from sluice.runtime.election import Elector
from sluice.runtime.reconcile import Reconciler, work
from sluice.runtime.settings import Settings
from sluice.runtime.telemetry import Telemetry, serve
from sluice.runtime.watches import bind, operator_settings
from sluice.runtime.workqueue import WorkQueue

log = logging.getLogger(__name__)

_RESYNC_SECONDS = 300.0
_HEARTBEAT_SECONDS = 1.0
_LOOP_LAG_SECONDS = 10.0


def run(settings: Settings) -> int:
    """Run the operator until SIGTERM or the loss of the Lease; return the exit code."""
    kopf.configure(
        debug=settings.log_level == "DEBUG",
        log_format=kopf.LogFormat.JSON if settings.json_logs else kopf.LogFormat.PLAIN,
        log_refkey="k8s",
    )
    logging.getLogger().setLevel(settings.log_level)
    # At INFO Kopf tells of each event that it handed over.
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLogger().level))
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(connect())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        prometheus = Prometheus(settings.prometheus_url)
        stack.callback(prometheus.close)
        telemetry = Telemetry()
        heartbeat = Heartbeat()
        runner = await serve(telemetry, settings.health_port, heartbeat.problem)
        stack.push_async_callback(runner.cleanup)
        elector = Elector(cluster, settings.lease_namespace, settings.identity)
        stop = _stop_on_signals()
        beating = asyncio.ensure_future(heartbeat.beat())
        stack.callback(beating.cancel)
        if not await _first(elector.acquire(), stop.wait()):
            return 0
        telemetry.leader.set(1)
        queue = WorkQueue()
        reconciler = Reconciler(
            cluster=cluster,
            prometheus=prometheus,
            predictors=Predictors(session),
            telemetry=telemetry,
            identity=settings.identity,
            leading=lambda: elector.leading,
        )
        clean = await _lead(settings, elector, queue, reconciler, stop)
        telemetry.leader.set(0)
        if clean:
            await elector.release()
        return 0 if clean else 1


async def _first(wanted: Awaitable[None], other: Awaitable[object]) -> bool:
    """Return whether `wanted` ended before `other`; the other one is cancelled."""
    tasks = [asyncio.ensure_future(wanted), asyncio.ensure_future(other)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    done = tasks[0].done()
    for task in tasks:
        task.cancel()
    if done:
        tasks[0].result()
    return done


async def _lead(
    settings: Settings,
    elector: Elector,
    queue: WorkQueue,
    reconciler: Reconciler,
    stop: asyncio.Event,
) -> bool:
    """Work while leading; return whether the end was asked for."""
    registry = kopf.OperatorRegistry()
    bind(registry, queue)
    tasks = [asyncio.ensure_future(work(queue, reconciler)) for _ in range(settings.workers)]
    tasks.append(asyncio.ensure_future(_resync(settings, queue, reconciler.cluster)))
    holding = asyncio.ensure_future(elector.hold())
    stopping = asyncio.ensure_future(stop.wait())
    watching = asyncio.ensure_future(
        kopf.operator(
            registry=registry,
            settings=operator_settings(namespaced=bool(settings.namespaces)),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            standalone=True,
            # Otherwise Kopf asks for the user's name, which a bare uid does not have.
            identity=settings.identity,  # type: ignore[arg-type]
            stop_flag=stop,
        )
    )
    await asyncio.wait({holding, stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
    clean = stop.is_set() and not holding.done()
    for task in (*tasks, holding):
        task.cancel()
    stop.set()
    await asyncio.wait({*tasks, holding, watching}, timeout=5)
    if watching.done() and not watching.cancelled() and watching.exception():
        log.error("the watches ended: %s", watching.exception())
    return clean


async def _resync(settings: Settings, queue: WorkQueue, cluster: Cluster) -> None:
    """Look at everything now and then: Kopf tells nothing of what is deleted while deaf."""
    while True:
        await asyncio.sleep(_RESYNC_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311
        try:
            for namespace in settings.namespaces or (None,):
                for item in await cluster.list(DEPLOYMENTS, namespace):
                    metadata = item["metadata"]
                    queue.add((metadata["namespace"], metadata["name"]))
        except SluiceError as error:
            log.warning("could not list the ModelDeployments: %s", error)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


class Heartbeat:
    """Proof that the event loop turns."""

    def __init__(self) -> None:
        self._last = asyncio.get_running_loop().time()

    async def beat(self) -> None:
        """Note the time each second."""
        while True:
            self._last = asyncio.get_running_loop().time()
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    def problem(self) -> str | None:
        """Return what is wrong, None if the loop turned lately."""
        lag = asyncio.get_running_loop().time() - self._last
        return f"the event loop stood still for {lag:.0f} s" if lag > _LOOP_LAG_SECONDS else None
