"""The queue hands each key to one worker, early ones first, failures later each time."""

from __future__ import annotations

import asyncio

import pytest

from sluice.runtime.workqueue import WorkQueue

A, B = ("ns", "a"), ("ns", "b")


async def test_a_key_added_twice_is_worked_on_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)

    assert A == await queue.get()
    queue.done(A)
    assert 0 == len(queue)


async def test_a_key_is_never_with_two_workers() -> None:
    queue = WorkQueue()
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.add(B)

    assert B == await queue.get()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await queue.get()
    queue.done(A)
    assert A == await queue.get()


async def test_the_earlier_time_wins() -> None:
    queue = WorkQueue()
    queue.add(A, delay=60)
    queue.add(A, delay=0.01)
    async with asyncio.timeout(1):
        assert A == await queue.get()


async def test_a_new_key_wakes_a_waiting_worker() -> None:
    queue = WorkQueue()
    queue.add(B, delay=60)
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        waiting = group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.add(A)

    assert A == waiting.result()


async def test_a_requeue_waits() -> None:
    queue = WorkQueue()
    queue.add(A)
    await queue.get()
    queue.done(A, requeue=0.05)
    began = asyncio.get_running_loop().time()
    await queue.get()

    assert asyncio.get_running_loop().time() - began >= 0.04


async def test_failures_come_back_later_each_time_and_a_success_forgets_them() -> None:
    queue = WorkQueue()
    delays = []
    for _ in range(12):
        queue.add(A)
        await queue.get()
        delays.append(queue.failed(A))

    assert delays[0] < 1
    assert delays[3] > 2 * delays[0]
    assert all(delay <= 72 for delay in delays)
    queue.add(A)
    await queue.get()
    queue.done(A)
    queue.add(A)
    await queue.get()
    assert queue.failed(A) < 1
