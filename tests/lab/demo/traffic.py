"""A client that asks steadily and checks every answer.

Open loop: requests leave by the clock and never wait for earlier answers, so a slow model
cannot slow the client down and thereby hide its slowness. What may be in flight is bounded;
a request that found no room is recorded as unsent, never dropped silently.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle

import aiohttp


class Outcome(StrEnum):
    """What one request came to, from the user's point of view."""

    CORRECT = "correct"
    WRONG = "wrong"
    NULL = "null"  # answered, with no prediction in it
    FAILED = "failed"  # no answer in time, or a status other than 2xx
    UNSENT = "unsent"  # the client had no room left


@dataclass(frozen=True, slots=True)
class Question:
    """One request body and what a right answer to it says."""

    body: bytes
    truth: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as the client saw it; `sent_at` is Unix time in seconds."""

    sent_at: float
    latency_seconds: float
    outcome: Outcome
    status: int | None = None
    revision: str | None = None
    error: str | None = None

    @property
    def ended_at(self) -> float:
        """Return the Unix time at which the answer, or its absence, was known."""
        return self.sent_at + self.latency_seconds


Judge = Callable[[bytes, str], Outcome]
"""Body of a 2xx answer, truth -> CORRECT, WRONG, NULL, or FAILED if it is no answer at all."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to ask."""

    url: str
    host: str
    requests_per_second: float = 25.0
    deadline_seconds: float = 3.0
    max_in_flight: int = 64


@dataclass(slots=True)
class Client:
    """Ask `questions` in turn until stopped; every answer is given to `record` as it comes."""

    target: Target
    questions: Sequence[Question]
    judge: Judge
    record: Callable[[Answer], None]
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _in_flight: int = 0

    def stop(self) -> None:
        """Send no more; `run` returns when what is in flight has ended."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until `stop`, `requests_per_second` evenly spaced."""
        clock = asyncio.get_running_loop().time
        timeout = aiohttp.ClientTimeout(total=self.target.deadline_seconds)
        connector = aiohttp.TCPConnector(limit=self.target.max_in_flight)
        began = clock()
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            for number, question in enumerate(cycle(self.questions)):
                due = began + number / self.target.requests_per_second
                if await self._stopped_before(due - clock()):
                    return
                if self._in_flight >= self.target.max_in_flight:
                    self.record(Answer(time.time(), 0.0, Outcome.UNSENT))
                    continue
                self._in_flight += 1
                group.create_task(self._ask_and_record(session, question))

    async def _stopped_before(self, seconds: float) -> bool:
        """Wait `seconds`; return True at once if the client is stopped meanwhile."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return self._stopping.is_set()
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _ask_and_record(self, session: aiohttp.ClientSession, question: Question) -> None:
        try:
            self.record(await ask(session, self.target, question, self.judge))
        finally:
            self._in_flight -= 1


async def ask(
    session: aiohttp.ClientSession, target: Target, question: Question, judge: Judge
) -> Answer:
    """Send one request and judge its answer; never raises for what the server does."""
    sent_at, began = time.time(), time.monotonic()
    status: int | None = None
    revision: str | None = None
    error: str | None = None
    outcome = Outcome.FAILED
    try:
        async with session.post(
            target.url,
            data=question.body,
            headers={"Host": target.host, "Content-Type": "application/json"},
        ) as response:
            status, revision = response.status, response.headers.get("x-model-revision")
            body = await response.read()
            if response.ok:
                outcome = judge(body, question.truth)
            error = None if response.ok else body[:200].decode(errors="replace")
    except (aiohttp.ClientError, TimeoutError) as problem:
        outcome, error = Outcome.FAILED, f"{type(problem).__name__}: {problem}"
    return Answer(sent_at, time.monotonic() - began, outcome, status, revision, error)


def counts(answers: Iterable[Answer]) -> dict[Outcome, int]:
    """Return how many answers there were of each outcome, zeros included."""
    found = dict.fromkeys(Outcome, 0)
    for answer in answers:
        found[answer.outcome] += 1
    return found
