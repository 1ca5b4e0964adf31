"""split -> HTTPRoute -> split, and the objects themselves for review."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from sluice.api.spec import ParentRef, Traffic
from sluice.routers import gateway_api
from sluice.routers.split import Split

GOLDEN = Path(__file__).parent / "gateway_api"
TRAFFIC = Traffic(
    parent_refs=(ParentRef(name="inference", namespace="gateways"),),
    hostnames=("digits.example.com",),
)
SITUATIONS = {
    "stable": Split.of("digits-a"),
    "shadow": Split((("digits-a", 100),), mirror="digits-b", mirror_percent=100),
    "shadow-sampled": Split((("digits-a", 100),), mirror="digits-b", mirror_percent=20),
    "first-users": Split.of("digits-a", "digits-b", 5),
    "bake": Split.of("digits-a", "digits-b", 100),
}


@pytest.mark.parametrize("situation", sorted(SITUATIONS))
def test_the_route_is_the_reviewed_one(situation: str) -> None:
    expected = yaml.safe_load((GOLDEN / f"{situation}.yaml").read_text())

    assert expected == gateway_api.render(TRAFFIC, SITUATIONS[situation])


NAMES = st.sampled_from(["digits-a", "digits-b", "digits-c"])
SPLITS = st.builds(Split.of, st.just("digits-a"), st.just("digits-b"), st.integers(0, 100)) | (
    st.builds(
        lambda percent: Split((("digits-a", 100),), mirror="digits-b", mirror_percent=percent),
        st.integers(1, 100),
    )
)


@given(split=SPLITS)
def test_reading_what_was_rendered_gives_the_split(split: Split) -> None:
    assert split == gateway_api.read(gateway_api.render(TRAFFIC, split))


@given(split=SPLITS)
def test_no_backend_of_weight_zero_is_written(split: Split) -> None:
    backends = gateway_api.render(TRAFFIC, split)["rules"][0]["backendRefs"]

    assert 100 == sum(backend["weight"] for backend in backends)
    assert all(backend["weight"] > 0 for backend in backends)


@pytest.mark.parametrize("weights", [(("a", 50),), (("a", 100), ("b", 0)), ()])
def test_a_split_that_could_lose_requests_cannot_exist(
    weights: tuple[tuple[str, int], ...],
) -> None:
    with pytest.raises(ValueError, match="weight"):
        Split(weights)


def test_a_foreign_change_is_seen() -> None:
    wanted = gateway_api.render(TRAFFIC, SITUATIONS["stable"])
    changed = {**wanted, "hostnames": ["stolen.example.com"]}

    assert gateway_api.same(wanted, wanted)
    assert not gateway_api.same(changed, wanted)
    filtered = {**wanted, "rules": [{**wanted["rules"][0], "filters": [{"type": "X"}]}]}
    assert not gateway_api.same(filtered, wanted)
