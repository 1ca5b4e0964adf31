"""The client against a real HTTP server on loopback."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from lab.demo.questions import judge
from lab.demo.traffic import Answer, Client, Outcome, Question, Target, ask


async def answer(request: web.Request) -> web.Response:
    """Do what the body's `do` says, as a model server might."""
    wish = json.loads(await request.text())["do"]
    headers = {"x-model-revision": "digits-a"}
    match wish:
        case "slow":
            await asyncio.sleep(5)
        case "break":
            return web.Response(status=500, text="boom", headers=headers)
        case "garble":
            return web.Response(text="<html>", headers=headers)
        case "host":
            wish = request.host
        case _:
            pass
    prediction = {"class": wish, "confidence": 0.9}
    return web.json_response({"predictions": [prediction]}, headers=headers)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"{site.name}/"
    finally:
        await runner.cleanup()


def question(wish: str | None, truth: str = "7") -> Question:
    return Question(json.dumps({"do": wish}).encode(), truth)


CASES = {
    "the right class is correct": (question("7"), Outcome.CORRECT, 200),
    "another class is wrong": (question("3"), Outcome.WRONG, 200),
    "no prediction is null": (question(None), Outcome.NULL, 200),
    "a 500 has failed": (question("break"), Outcome.FAILED, 500),
    "an answer that is no JSON has failed": (question("garble"), Outcome.FAILED, 200),
}


@pytest.mark.parametrize(("asked", "outcome", "status"), CASES.values(), ids=CASES)
async def test_each_answer_is_judged(asked: Question, outcome: Outcome, status: int) -> None:
    async with server() as url, aiohttp.ClientSession() as session:
        found = await ask(session, Target(url, "digits.example.com"), asked, judge)
    assert (found.outcome, found.status, found.revision) == (outcome, status, "digits-a")


async def test_the_request_carries_the_models_host() -> None:
    async with server() as url, aiohttp.ClientSession() as session:
        found = await ask(
            session,
            Target(url, "digits.example.com"),
            question("host", "digits.example.com"),
            judge,
        )
    assert found.outcome is Outcome.CORRECT


async def test_nobody_there_is_a_failed_request() -> None:
    async with aiohttp.ClientSession() as session:
        found = await ask(session, Target("http://127.0.0.1:1/", "x"), question("7"), judge)
    assert (found.outcome, found.status) == (Outcome.FAILED, None)
    assert "Connect" in (found.error or "")


async def run_for(seconds: float, target: Target, wish: str | None) -> list[Answer]:
    answers: list[Answer] = []
    client = Client(target, [question(wish)], judge, answers.append)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.run())
        await asyncio.sleep(seconds)
        client.stop()
    return answers


async def test_requests_leave_at_the_asked_rate() -> None:
    async with server() as url:
        answers = await run_for(1.0, Target(url, "x", requests_per_second=50), "7")
    assert 45 <= len(answers) <= 55
    assert {answer.outcome for answer in answers} == {Outcome.CORRECT}


async def test_a_slow_server_slows_the_client_down_by_nothing() -> None:
    """Every request is recorded: as failed at its deadline, or as unsent when no room was left."""
    target_of = {"requests_per_second": 50.0, "deadline_seconds": 0.5}
    async with server() as url:
        began = time.monotonic()
        answers = await run_for(1.0, Target(url, "x", max_in_flight=10, **target_of), "slow")
        assert time.monotonic() - began < 2.5
    assert 45 <= len(answers) <= 55
    outcomes = {answer.outcome for answer in answers}
    assert outcomes == {Outcome.FAILED, Outcome.UNSENT}
    failed = [answer for answer in answers if answer.outcome is Outcome.FAILED]
    assert all(0.4 < answer.latency_seconds < 1.0 for answer in failed)
