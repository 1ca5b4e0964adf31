"""README's own words, typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from lab.place import CHECKOUT
from lab.trial import kubectl

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

README = (CHECKOUT / "README.md").read_text()
SPACE = "readme"


@pytest.fixture(scope="module")
def space(operator: None) -> Iterator[str]:  # noqa: ARG001 - the chart brings the CRDs
    kubectl("create", "namespace", SPACE)
    yield SPACE
    kubectl("delete", "namespace", SPACE, "--timeout=100s")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(word: str) -> list[list[str]]:
    """Return the indented commands that begin with `word`, continued lines joined."""
    lines = README.replace("\\\n", " ").splitlines()
    found = [line.strip().removeprefix("$ ") for line in lines if line.startswith("    ")]
    return [shlex.split(line, comments=True) for line in found if line.startswith(f"{word} ")]


def test_the_example_is_accepted(space: str) -> None:
    (manifest,) = [yaml.safe_load(b) for b in blocks("yaml") if "kind: ModelDeployment" in b]
    manifest["metadata"]["namespace"] = space

    kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(manifest))


def test_the_install_command_is_understood() -> None:
    (command,) = commands("helm")
    done = subprocess.run(
        ["helm", "template", *command[2:]], capture_output=True, text=True, check=True, timeout=60
    )

    assert "REGISTRY/sluice:TAG" in done.stdout
    assert "http://prometheus.monitoring.svc:9090" in done.stdout


def test_every_make_target_exists() -> None:
    targets = {words[1] for words in commands("make")}
    makefile = (CHECKOUT / "Makefile").read_text()

    assert {"demo", "test", "lab"} <= targets
    assert set() == {t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)}


def test_every_sluice_command_is_a_verb() -> None:
    for command in commands("sluice"):
        done = subprocess.run(
            [*command[:2], "--help"], capture_output=True, text=True, check=False, timeout=30
        )
        assert 0 == done.returncode, done.stderr


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [] == [link for link in links if not (CHECKOUT / link).exists()]
