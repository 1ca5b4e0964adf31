"""What a command inside the lab finds, and how the verbs answer misuse."""

import os
from pathlib import Path

import pytest

from lab import cli
from lab.place import Place
from lab.toolchain import programs

PLACE = Place(name="sluice-test", folder=Path("/nowhere/lab"), run=Path("/nowhere/run"))


def test_a_command_finds_the_cluster_its_tools_and_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", "/assets")
    monkeypatch.setenv("PATH", "/usr/bin")
    found = cli.environment(PLACE)
    assert "/nowhere/lab/kubeconfig" == found["KUBECONFIG"]
    assert "/nowhere/lab" == found["LAB_DIR"]
    tools = ["/assets", str(programs.output_folder("cluster")), "/usr/bin"]
    assert tools == found["PATH"].split(os.pathsep)
    assert "*" == found["NO_PROXY"]


def test_run_without_a_command_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == cli.main(["run", "--"])
    assert "python -m lab run -- COMMAND" in capsys.readouterr().err
