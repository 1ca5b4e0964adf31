"""What the real API server makes of the CRDs: refusals, defaults, columns, and the Lease."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator

import pytest
import yaml

from lab import trial
from lab.trial import kubectl
from sluice.adapters.cluster import LEASES, Cluster, connect
from sluice.errors import ForeignChange
from sluice.runtime.election import NAME as LEASE
from sluice.runtime.election import Elector

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

SPACE = "api-trials"

Change = Callable[[trial.Json], object]

# values.yaml is helm's, and installed by the `operator` fixture.
MANIFESTS = sorted(p.name for p in trial.MANIFESTS.iterdir() if p.name != "values.yaml")


@pytest.fixture(scope="module")
def space(operator: None) -> Iterator[str]:  # noqa: ARG001 - the chart brings the CRDs
    kubectl("create", "namespace", SPACE)
    yield SPACE
    kubectl("delete", "namespace", SPACE, "--timeout=100s")


def refused(change: Change) -> str:
    manifest = trial.a_deployment()
    manifest["metadata"] |= {"namespace": SPACE, "name": "refused"}
    change(manifest["spec"])
    return kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest), check=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda s: s.pop("modelName"), ["spec.modelName", "Required"], id="missing field"
        ),
        pytest.param(lambda s: s.update(modelNam="x"), ["modelNam", "unknown field"], id="typo"),
        pytest.param(
            lambda s: s["rollout"]["stages"][1].update(weightPercent=0),
            ["weightPercent", "greater than or equal to 1"],
            id="weight 0",
        ),
        pytest.param(lambda s: s["rollout"]["stages"].reverse(), ["reorder"], id="falling weights"),
        pytest.param(
            lambda s: s["rollout"]["stages"][1].update(mirrorPercent=5),
            ["mirrorPercent", "weightPercent"],
            id="mirror and weight",
        ),
        pytest.param(
            lambda s: s["rollout"]["stages"][0].update(gates=["nope"]),
            ["a stage names a gate"],
            id="unknown gate",
        ),
        pytest.param(lambda s: s["gates"][0].pop("max"), ["`max`, `min`"], id="gate without bound"),
        pytest.param(
            lambda s: s["gates"][0].update(mean={"histogram": "h"}),
            ["exactly one of"],
            id="two questions",
        ),
        pytest.param(
            lambda s: s["gates"].append(copy.deepcopy(s["gates"][0])),
            ["Duplicate value"],
            id="gate twice",
        ),
        pytest.param(
            lambda s: s["predictor"].update(containers=[{"name": "c"}]),
            ["exactly one of `model`"],
            id="model and containers",
        ),
        pytest.param(
            lambda s: s["predictor"].update(minReplicas=0), ["needs a pod"], id="no replica"
        ),
        pytest.param(
            lambda s: s["predictor"].update(canaryTrafficPercent=5),
            ["remove it"],
            id="KServe's own canary",
        ),
    ],
)
def test_a_mistake_is_refused_at_apply(space: str, change: Change, words: list[str]) -> None:
    assert space
    answer = refused(change)

    assert [] == [word for word in words if word not in answer], answer


def test_a_name_that_is_too_long_is_refused(space: str) -> None:
    manifest = trial.a_deployment()
    manifest["metadata"] |= {"namespace": space, "name": "x" * 43}
    text = json.dumps(manifest)

    assert "42 characters" in kubectl(
        "apply", "--dry-run=server", "-f", "-", stdin=text, check=False
    )


@pytest.mark.parametrize("file_name", MANIFESTS)
def test_every_demo_manifest_is_accepted(space: str, file_name: str) -> None:
    path = trial.MANIFESTS / file_name
    if file_name in {"v2.yaml", "v3.yaml", "v4.yaml"}:
        manifest = trial.a_deployment()
        manifest["metadata"]["namespace"] = space
        text = json.dumps(manifest)
        local = kubectl(
            "patch", "--local", "-f", "-", "--type=merge", "--patch-file", str(path), "-o", "json",
            stdin=text,
        )  # fmt: skip
        kubectl("apply", "--dry-run=server", "-f", "-", stdin=local)
        return
    documents = list(yaml.safe_load_all(path.read_text()))
    for document in documents:
        if "namespace" in document["metadata"]:
            document["metadata"]["namespace"] = space
        if document["kind"] == "PersistentVolume":
            # A demo that ran before has one, and its source cannot change.
            document["metadata"]["name"] = "never-created"
    kubectl(
        "apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-",
        stdin=yaml.safe_dump_all(documents),
    )  # fmt: skip


def test_explain_reads_like_a_manual(space: str) -> None:
    assert space
    text = kubectl("explain", "mdep.spec.rollout")

    assert "Seconds between two looks at the gates" in text
    assert "Default 10." in text


def elector(cluster: Cluster, identity: str) -> Elector:
    return Elector(
        cluster,
        SPACE,
        identity,
        lease_seconds=3.0,
        renew_deadline_seconds=2.0,
        retry_seconds=0.3,
    )


async def test_two_contenders_never_lead_at_once(space: str) -> None:
    assert space
    async with connect() as cluster:
        first, second = elector(cluster, "a"), elector(cluster, "b")
        await first.acquire()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(second.acquire())
            holding = group.create_task(first.hold())
            for _ in range(20):
                await asyncio.sleep(0.2)
                assert first.leading
                assert not second.leading
            holding.cancel()  # the leader freezes: it renews no more
            while not second.leading:
                assert not waiting.done()
                await asyncio.sleep(0.05)
            assert not first.leading
        await cluster.delete(LEASES, space, LEASE)


async def test_a_released_lease_is_taken_at_once(space: str) -> None:
    async with connect() as cluster:
        first, second = elector(cluster, "a"), elector(cluster, "b")
        await first.acquire()
        await first.release()
        async with asyncio.timeout(2):
            await second.acquire()

        assert (False, True) == (first.leading, second.leading)
        await cluster.delete(LEASES, space, LEASE)


async def test_a_stale_write_of_the_lease_is_refused(space: str) -> None:
    async with connect() as cluster:
        first = elector(cluster, "a")
        await first.acquire()
        stale = await cluster.get(LEASES, space, LEASE)
        assert stale is not None
        await first._renew()
        with pytest.raises(ForeignChange):
            await cluster.replace(LEASES, stale)
        await cluster.delete(LEASES, space, LEASE)
