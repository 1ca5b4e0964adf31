"""A user's view of one ModelDeployment on the local cluster, for the cluster tests.

It speaks to the API server and the gateway as a user would; nothing is pretended.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lab.demo.questions import judge, questions
from lab.demo.traffic import Answer, Client, Outcome, Target

Json = dict[str, Any]
T = TypeVar("T")

NAMESPACE = "trials"
NAME = "digits"
HOST = "digits.trials.example.com"
OWNED = f"sluice.dev/owner={NAME}"
MANIFESTS = Path(__file__).parents[2] / "manifests" / "demo"


def kubectl(*words: str, stdin: str | None = None, check: bool = True) -> str:
    """Run kubectl and return what it printed; with check=False its complaint as well."""
    done = subprocess.run(
        ["kubectl", *words], input=stdin, capture_output=True, text=True, timeout=90, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}")
    return done.stdout if check else done.stdout + done.stderr


def lab(*words: str) -> None:
    """Run one verb of the lab."""
    subprocess.run([sys.executable, "-m", "lab", *words], check=True, timeout=900)


def read(kind: str, name: str = NAME, namespace: str = NAMESPACE) -> Json | None:
    """Return the object, None if there is none."""
    text = kubectl("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
    return json.loads(text) if text.strip() else None


def wait_for(what: str, probe: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Return the first value of `probe` that is not None or False."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = probe()
        if value is not None and value is not False:
            return value
        time.sleep(0.2)
    status = (read("mdep") or {}).get("status", {})
    raise AssertionError(f"waited {seconds:.0f} s for {what}; status: {json.dumps(status)[:3000]}")


def a_deployment(version: str = "v1") -> Json:
    """Return the demo's ModelDeployment with stages of seconds, in the trials' namespace."""
    manifest: Json = yaml.safe_load((MANIFESTS / "digits.yaml").read_text())
    manifest["metadata"]["namespace"] = NAMESPACE
    spec = manifest["spec"]
    spec["predictor"]["model"]["storageUri"] = f"pvc://models/digits/{version}"
    spec["traffic"]["hostnames"] = [HOST]
    spec["rollout"] |= {"intervalSeconds": 1, "drainSeconds": 4, "bake": {"seconds": 5}}
    for stage in spec["rollout"]["stages"]:
        stage["minSeconds"] = 5
    for gate in spec["gates"]:
        gate["minSamples"] = 8  # 5 % of the trials' traffic is one request a second
    return manifest


def stage_named(manifest: Json, name: str) -> Json:
    """Return the stage `name` of a manifest, for changing it."""
    return next(s for s in manifest["spec"]["rollout"]["stages"] if s["name"] == name)


def apply(manifest: Json) -> str:
    """Apply as a user does; return kubectl's words."""
    return kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


def status() -> Json:
    """Return the ModelDeployment's status."""
    return dict((read("mdep") or {}).get("status", {}))


def stage() -> str | None:
    """Return the name of the stage."""
    name: str | None = status().get("stage", {}).get("name")
    return name


def revisions() -> list[Json]:
    """Return the ModelRevisions, oldest first."""
    items = json.loads(kubectl("-n", NAMESPACE, "get", "mrev", "-l", OWNED, "-o", "json"))["items"]
    return sorted(items, key=lambda item: item["spec"]["number"])


def condition(kind: str) -> Json:
    """Return the condition `kind`."""
    return next(c for c in status()["conditions"] if c["type"] == kind)


def weights() -> dict[str, int]:
    """Return the live weights by revision, as the HTTPRoute has them."""
    route = read("httproute")
    assert route is not None
    refs = route["spec"]["rules"][0]["backendRefs"]
    return {ref["name"].removesuffix("-predictor"): ref["weight"] for ref in refs}


@dataclass(slots=True)
class Traffic:
    """What a steady client saw."""

    answers: list[Answer]

    def count(self, outcome: Outcome, revision: str | None = None) -> int:
        """Return how many answers were so, from one revision or from all."""
        return sum(
            a.outcome is outcome and (revision is None or a.revision == revision)
            for a in self.answers
        )

    def by_revision(self) -> Counter[str | None]:
        """Return how many answers each revision gave."""
        return Counter(answer.revision for answer in self.answers)


@contextmanager
def traffic(rate: float = 20.0) -> Iterator[Traffic]:
    """Send steady requests through the gateway while inside, and check every answer."""
    seen = Traffic([])
    target = Target(
        url=f"{os.environ['LAB_GATEWAY_URL']}/v1/models/digits:predict",
        host=HOST,
        requests_per_second=rate,
    )
    loop = asyncio.new_event_loop()
    client = Client(target, questions(), judge, seen.answers.append)
    thread = threading.Thread(target=lambda: loop.run_until_complete(client.run()), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        loop.call_soon_threadsafe(client.stop)
        thread.join(timeout=30)
        assert not thread.is_alive(), "the client did not stop"
        loop.close()
