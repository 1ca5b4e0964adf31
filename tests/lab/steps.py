"""Run the steps of a start side by side, each as soon as what it needs is done."""

import concurrent.futures
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab import commands
from lab.errors import LabError


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, after the steps named in `needs`."""

    do: Callable[[], None]
    needs: tuple[str, ...] = ()


def startable(steps: Mapping[str, Step], started: set[str], done: set[str]) -> list[str]:
    """Return the steps that can begin now, in the order they were given."""
    return [
        name for name, step in steps.items() if name not in started and done.issuperset(step.needs)
    ]


def run(
    steps: Mapping[str, Step],
    executor: concurrent.futures.ThreadPoolExecutor,
    on_done: Callable[[str], None],
) -> None:
    """Run all steps; at the first failure cancel the helpers of the others and raise it."""
    unknown = {need for step in steps.values() for need in step.needs} - steps.keys()
    if unknown:
        raise LabError(f"steps: nothing is called {sorted(unknown)}")
    running: dict[concurrent.futures.Future[None], str] = {}
    done: set[str] = set()
    while len(done) < len(steps):
        for name in startable(steps, done | set(running.values()), done):
            running[executor.submit(steps[name].do)] = name
        if not running:
            raise LabError(f"steps: {sorted(steps.keys() - done)} wait for each other")
        finished, _ = concurrent.futures.wait(
            running, return_when=concurrent.futures.FIRST_COMPLETED
        )
        for future in finished:
            name = running.pop(future)
            if error := future.exception():
                commands.cancel_all()
                raise LabError(f"{name}: {error}") from error
            done.add(name)
            on_done(name)
