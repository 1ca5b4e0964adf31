"""The CRDs in crds/ are what the types say, small, and documented to the last field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.api.schema import crds, structural
from sluice.api.spec import ModelDeploymentSpec
from sluice.api.status import ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus

FOLDER = Path(__file__).parents[2] / "crds"


@pytest.mark.parametrize("file_name", sorted(crds()))
def test_the_committed_crd_is_what_the_types_say(file_name: str) -> None:
    committed = yaml.safe_load((FOLDER / file_name).read_text())

    assert crds()[file_name] == committed, "run: make crds"


def test_no_other_crd_is_committed() -> None:
    assert sorted(crds()) == sorted(p.name for p in FOLDER.iterdir())


@pytest.mark.parametrize("file_name", sorted(crds()))
def test_a_crd_stays_small(file_name: str) -> None:
    assert (FOLDER / file_name).stat().st_size < 100_000


def fields(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, child in node.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here, child
        yield from fields(child, here)
        yield from fields(child.get("items", {}), f"{here}[]")


@pytest.mark.parametrize(
    "model", [ModelDeploymentSpec, ModelDeploymentStatus, ModelRevisionSpec, ModelRevisionStatus]
)
def test_every_field_is_described(model: Any) -> None:  # noqa: ANN401
    # The fields inside `predictor` are KServe's, and named only for the CEL rules.
    bare = [
        path
        for path, node in fields(structural(model), model.__name__)
        if not node.get("description") and ".predictor." not in path
    ]

    assert [] == bare


def test_the_schema_is_structural() -> None:
    def walk(node: Any) -> Iterator[str]:  # noqa: ANN401
        if isinstance(node, dict):
            yield from node
            for child in node.values():
                yield from walk(child)
        elif isinstance(node, list):
            for child in node:
                yield from walk(child)

    used = set(walk([c["spec"]["versions"][0]["schema"] for c in crds().values()]))
    assert set() == used & {"$ref", "anyOf", "oneOf", "$defs", "const", "propertyNames"}
