"""The script: what is done in which order, what is waited for, and for how long."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from lab.demo import cluster
from lab.demo.questions import judge, questions
from lab.demo.report import Recording, Rollout
from lab.demo.screen import Screen
from lab.demo.traffic import Answer, Client, Outcome, Target, ask
from lab.demo.watch import Look, Watcher
from lab.errors import LabError

FIRST_SECONDS = 240.0
ROLLOUT_SECONDS = 300.0
ENDPOINT_SECONDS = 60.0
SETTLE_SECONDS = 5.0
VERSIONS = {
    "v2": "v2, truly better",
    "v3": "v3, confident nonsense with HTTP 200",
    "v4": "v4, slow, and 5xx for two of the ten digits",
}


@dataclass(slots=True)
class Demo:
    """One run; `recording` holds whatever was seen so far, also after a failure."""

    watcher: Watcher
    screen: Screen
    target: Target
    models: Path
    looks: list[Look] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    rollouts: list[Rollout] = field(default_factory=list)
    latest: Look | None = None

    def recording(self) -> Recording:
        """Return what was recorded; at least one look is needed."""
        looks = list(self.looks)
        if self.latest is not None and self.latest is not looks[-1]:
            looks.append(self.latest)
        return Recording(tuple(self.rollouts), tuple(looks), tuple(self.answers))

    async def run(self) -> None:
        """Play everything.

        Raises: LabError if a step cannot be done or takes longer than its limit.
        """
        await self._prepare()
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch())
                await self._first_version()
                await self._under_traffic()
                watching.cancel()
        except ExceptionGroup as failed:
            raise first_cause(failed) from failed

    async def _prepare(self) -> None:
        self.screen.step("Looking for the images of the operator and of the model server")
        if missing := await cluster.missing_images():
            raise LabError(
                f"images: {', '.join(missing)} not on the node. Run `python -m lab image all`."
            )
        await cluster.remove_leftovers()
        self.screen.step("Training four versions of the digits model and measuring them")
        await train(self.models, self.screen)
        self.screen.step("Installing Sluice with helm")
        await cluster.install_chart()

    async def _watch(self) -> None:
        async for look in self.watcher.looks():
            self.latest = look
            if not self.looks or not look.same_as(self.looks[-1]):
                self.looks.append(look)
            self.screen.looked(look)

    async def _first_version(self) -> None:
        self.screen.step("Applying namespace, volume, serving runtime and ModelDeployment v1")
        for name in ("namespace.yaml", "storage.yaml", "runtime.yaml"):
            await cluster.apply(name, models=self.models)
        applied_at = time.time()
        await cluster.apply("digits.yaml", models=self.models)
        await self._until(lambda look: ended(look, "v1"), FIRST_SECONDS, "v1 to serve")
        await self._first_answer()
        self.rollouts.append(Rollout("v1", applied_at, time.time()))

    async def _first_answer(self) -> None:
        """Wait until the gateway gives an answer; requests before that are no user's."""
        question = questions()[0]
        deadline = time.monotonic() + ENDPOINT_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < deadline:
                answer = await ask(session, self.target, question, judge)
                if answer.outcome is not Outcome.FAILED:
                    return
                await asyncio.sleep(0.2)
        raise LabError(
            f"gateway: no answer in {ENDPOINT_SECONDS:.0f} s, last: {answer.status} {answer.error}."
        )

    async def _under_traffic(self) -> None:
        rate = self.target.requests_per_second
        self.screen.step(f"Sending {rate:.0f} requests a second through the gateway")
        client = Client(self.target, questions(), judge, self._answered)
        async with asyncio.TaskGroup() as group:
            group.create_task(client.run())
            await asyncio.sleep(SETTLE_SECONDS)
            for version, description in VERSIONS.items():
                await self._roll_out(version, description)
            client.stop()

    def _answered(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.screen.answered(answer)

    async def _roll_out(self, version: str, description: str) -> None:
        self.screen.step(f"Changing the model to {description}")
        applied_at = time.time()
        await cluster.change_to(version)
        try:
            await self._until(
                lambda look: ended(look, version), ROLLOUT_SECONDS, f"{version}'s rollout to end"
            )
            await asyncio.sleep(SETTLE_SECONDS)
        finally:
            self.rollouts.append(Rollout(version, applied_at, time.time()))

    async def _until(self, reached: Callable[[Look], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while self.latest is None or not reached(self.latest):
            if time.monotonic() > deadline:
                said = self.latest.message if self.latest else "nothing"
                raise LabError(
                    f"demo: waited {seconds:.0f} s for {what}. The ModelDeployment says: "
                    f"{said or 'nothing'}. See `sluice explain -n {cluster.NAMESPACE} "
                    f"{cluster.NAME}` in `make lab-shell`."
                )
            await asyncio.sleep(0.1)


def first_cause(failed: ExceptionGroup) -> Exception:
    """Return the first error inside nested groups."""
    first = failed.exceptions[0]
    return first_cause(first) if isinstance(first, ExceptionGroup) else first


def ended(look: Look, version: str) -> bool:
    """Return whether a version's rollout is over, either way, and traffic is where it belongs."""
    for revision in look.revisions:
        if revision.version != version:
            continue
        if revision.outcome == "Stable":
            return look.kind == "Stable" and look.route.weights == ((revision.name, 100.0),)
        return revision.outcome != "InProgress" and not look.route.mentions(revision.name)
    return False


async def train(models: Path, screen: Screen) -> None:
    """Train the four versions into `models`/digits, readable for any user, and show the table."""
    folder = models / cluster.NAME
    shutil.rmtree(folder, ignore_errors=True)
    shown = await cluster.call(
        sys.executable, "-m", "digits", "train", "all", "--out", folder, seconds=240
    )
    for line in shown.splitlines():
        screen.say(line)
    await cluster.call("chmod", "-R", "a+rX", models)


def target_from_environment(rate: float) -> Target:
    """Return where `python -m lab run` says that the gateway is.

    Raises: LabError outside of it.
    """
    url = os.environ.get("LAB_GATEWAY_URL")
    if not url:
        raise LabError("LAB_GATEWAY_URL: is not set. Start the demo with `make demo`.")
    return Target(
        url=f"{url}/v1/models/{cluster.NAME}:predict",
        host="digits.example.com",
        requests_per_second=rate,
    )
