"""The operator's own metrics and probes."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Telemetry:
    """Counters of one operator process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconciles = Counter(
            "sluice_reconcile_total", "Passes, by result.", ["result"], registry=self.registry
        )
        self.duration = Histogram(
            "sluice_reconcile_duration_seconds", "Seconds of one pass.", registry=self.registry
        )
        self.queue_depth = Gauge(
            "sluice_queue_depth", "Keys that wait, delayed ones included.", registry=self.registry
        )
        self.leader = Gauge("sluice_leader", "1 while this process leads.", registry=self.registry)
        self.events = Counter(
            "sluice_rollout_events_total",
            "Events told, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.drift = Counter(
            "sluice_route_repairs_total",
            "Routes put back after somebody else changed them.",
            registry=self.registry,
        )
        for result in ("ok", "error", "conflict"):
            self.reconciles.labels(result)


async def serve(telemetry: Telemetry, port: int, alive: Callable[[], str | None]) -> web.AppRunner:
    """Serve /healthz, /readyz and /metrics on `port` until the runner is cleaned up.

    `alive` returns None, or what is wrong.
    """

    async def health(_: web.Request) -> web.Response:
        problem = alive()
        return web.Response(text=problem or "ok", status=500 if problem else 200)

    async def ready(_: web.Request) -> web.Response:
        # A standby is ready: it takes over when the leader goes.
        return web.Response(text="ok")

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(telemetry.registry)
        return web.Response(body=body, headers={"content-type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.add_routes(
        [web.get("/healthz", health), web.get("/readyz", ready), web.get("/metrics", metrics)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
