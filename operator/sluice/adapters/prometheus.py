"""Instant queries to Prometheus: an empty answer, a broken one and a number are told apart.

prometheus-api-client is synchronous, so it runs in threads of our own, one client
each, with our session, our deadlines and no retries inside: the next pass asks again.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from sluice.core.gates import Question
from sluice.core.observation import Measured, Measurement, Unanswered

_THREADS = 8
_CONNECT_SECONDS = 2.0
_READ_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Number:
    value: float


@dataclass(frozen=True, slots=True)
class _Empty:
    """No series, NaN or infinite."""


@dataclass(frozen=True, slots=True)
class _Failed:
    problem: str


_Answer = _Number | _Empty | _Failed


class Prometheus:
    """A Prometheus-compatible query API at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus")

    def close(self) -> None:
        """Let the threads end; a query under way is bounded by its socket deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def measure(
        self, questions: Mapping[str, Question], now: datetime
    ) -> dict[str, Measurement]:
        """Return the answer to each question, all evaluated at `now`.

        Never raises for what Prometheus does: that is an `Unanswered`.
        """
        async with asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(self._measure(question, now))
                for name, question in questions.items()
            }
        return {name: task.result() for name, task in tasks.items()}

    async def _measure(self, question: Question, now: datetime) -> Measurement:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._ask(query, now))
                for query in (question.value, question.samples, question.newest)
            ]
        value, samples, newest = (task.result() for task in tasks)
        for answer in (newest, samples, value):
            if isinstance(answer, _Failed):
                return Unanswered(answer.problem, question.value)
        return Measured(
            value=_value(value, samples, absent_is_zero=question.absent_is_zero),
            samples=_number(samples),
            age_seconds=None if isinstance(newest, _Empty) else _age(newest, now),
            query=question.value,
        )

    async def _ask(self, query: str, now: datetime) -> _Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._query, query, now.timestamp())

    def _query(self, query: str, at: float) -> _Answer:
        """Ask in this thread; the deadlines are the socket's, so that a thread always ends."""
        try:
            result = self._client().custom_query(
                query,
                params={"time": f"{at:.3f}", "timeout": f"{_READ_SECONDS:g}s"},
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            )
        except PrometheusApiClientException as error:
            return _Failed(f"Prometheus refused the query: {str(error)[:300]}")
        except requests.Timeout:
            return _Failed(f"{self._url} did not answer within {_READ_SECONDS:g} s")
        except requests.ConnectionError:
            return _Failed(f"{self._url} cannot be reached")
        except (requests.RequestException, JSONDecodeError, KeyError) as error:
            return _Failed(f"{self._url} gave no Prometheus answer: {type(error).__name__}")
        return _answer(result)

    def _client(self) -> PrometheusConnect:
        client = getattr(self._local, "client", None)
        if client is None:
            session = requests.Session()
            session.trust_env = False  # no netrc, no proxy picked up by accident
            # `read=False` lets a time-out be told from a refused connection.
            retry = Retry(total=0, read=False)
            client = PrometheusConnect(url=self._url, session=session, retry=retry)
            self._local.client = client
        return client


def _answer(result: Any) -> _Answer:  # noqa: ANN401 - JSON from outside
    """Return the one number of `result`: a vector of one series, or a scalar."""
    match result:
        case []:
            return _Empty()
        case [{"value": [_, str(text)]}]:
            return _parsed(text)
        case [int() | float(), str(text)]:
            return _parsed(text)
        case [{"value": _}, *_]:
            return _Failed(f"the query gives {len(result)} series, not one: aggregate with sum()")
        case _:
            return _Failed("the query gives no single number: remove the range or aggregate")


def _parsed(text: str) -> _Answer:
    value = float(text)
    return _Number(value) if math.isfinite(value) else _Empty()


def _number(answer: _Answer) -> float | None:
    return answer.value if isinstance(answer, _Number) else None


def _value(value: _Answer, samples: _Answer, *, absent_is_zero: bool) -> float | None:
    counted = isinstance(samples, _Number) and samples.value > 0
    if absent_is_zero and counted and isinstance(value, _Empty):
        return 0.0
    return _number(value)


def _age(newest: _Answer, now: datetime) -> float | None:
    seconds = _number(newest)
    return None if seconds is None else max(0.0, now.timestamp() - seconds)
