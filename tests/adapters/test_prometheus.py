"""Everything that can come back from a Prometheus URL, served by a real HTTP server.

The real Prometheus is asked in tests/lab; here are the answers that it gives when ill.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from sluice.adapters import prometheus
from sluice.adapters.prometheus import Prometheus
from sluice.core.gates import Question
from sluice.core.observation import Measured, Unanswered

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = NOW.timestamp()


def vector(*values: str) -> dict[str, Any]:
    return {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [
                {"metric": {"i": str(i)}, "value": [STAMP, v]} for i, v in enumerate(values)
            ],
        },
    }


Answers = Callable[[str], web.Response]


@asynccontextmanager
async def serving(answer: Answers) -> AsyncIterator[Prometheus]:
    async def query(request: web.Request) -> web.Response:
        assert f"{STAMP:.3f}" == request.query["time"], "all questions share one time"
        return answer(request.query["query"])

    app = web.Application()
    app.router.add_get("/api/v1/query", query)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    source = Prometheus(f"http://127.0.0.1:{port}")
    try:
        yield source
    finally:
        source.close()
        await runner.cleanup()


def asked(absent_is_zero: bool = False) -> dict[str, Question]:  # noqa: FBT001, FBT002
    return {"g": Question("value", "samples", "newest", absent_is_zero)}


def by_query(**answers: dict[str, Any]) -> Answers:
    return lambda query: web.json_response(answers[query])


async def measure(answer: Answers, **flags: bool) -> Measured | Unanswered:
    async with serving(answer) as source:
        return (await source.measure(asked(**flags), NOW))["g"]


async def test_numbers_come_with_their_age() -> None:
    answer = by_query(value=vector("0.5"), samples=vector("20"), newest=vector(str(STAMP - 3)))

    assert Measured(0.5, 20.0, 3.0, "value") == await measure(answer)


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_number_is_no_data(text: str) -> None:
    answer = by_query(value=vector(text), samples=vector("20"), newest=vector(str(STAMP)))

    assert Measured(None, 20.0, 0.0, "value") == await measure(answer)


async def test_no_series_is_no_data() -> None:
    answer = by_query(value=vector(), samples=vector(), newest=vector())

    assert Measured(None, None, None, "value") == await measure(answer)


async def test_no_event_among_samples_of_the_same_metric_is_zero() -> None:
    answer = by_query(value=vector(), samples=vector("20"), newest=vector(str(STAMP)))

    assert Measured(0.0, 20.0, 0.0, "value") == await measure(answer, absent_is_zero=True)
    assert Measured(None, 20.0, 0.0, "value") == await measure(answer, absent_is_zero=False)


async def test_several_series_are_no_number_and_the_fix_is_named() -> None:
    answer = by_query(value=vector("1", "2"), samples=vector("20"), newest=vector(str(STAMP)))
    result = await measure(answer)

    assert isinstance(result, Unanswered)
    assert "aggregate with sum()" in result.problem


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (web.Response(status=503, text="busy"), "refused"),
        (web.Response(status=400, text='{"error": "parse error"}'), "parse error"),
        (web.Response(text="<html>please log in</html>"), "no Prometheus answer"),
        (web.Response(text=json.dumps({"status": "success"})), "no Prometheus answer"),
    ],
    ids=["overloaded", "bad query", "login page", "other JSON"],
)
async def test_an_ill_source_is_broken_monitoring(response: web.Response, problem: str) -> None:
    body, status = response.text, response.status
    result = await measure(lambda _: web.Response(text=body, status=status))

    assert isinstance(result, Unanswered)
    assert problem in result.problem


async def test_a_closed_port_is_broken_monitoring() -> None:
    source = Prometheus("http://127.0.0.1:1")
    result = (await source.measure(asked(), NOW))["g"]
    source.close()

    assert isinstance(result, Unanswered)
    assert "cannot be reached" in result.problem


async def test_a_hanging_source_costs_no_more_than_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prometheus, "_READ_SECONDS", 0.2)

    # The kernel accepts the connection; nobody ever reads from it.
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = Prometheus(f"http://127.0.0.1:{server.getsockname()[1]}")
        async with asyncio.timeout(5):
            result = (await source.measure(asked(), NOW))["g"]
        source.close()

    assert isinstance(result, Unanswered)
    assert "did not answer" in result.problem
