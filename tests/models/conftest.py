"""Servers and trained models, started or trained once for all tests of this folder."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.served import Server, running

LAMP = str(Path(__file__).with_name("lamp.py"))


@pytest.fixture(scope="session")
def lamp_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lamp")
    (folder / "threshold.txt").write_text("0.7")
    return folder


@pytest.fixture(scope="session")
def lamp(lamp_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker; tests count by difference."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    environment = {"MODEL_REVISION": "lamp-1a2b", "IMAGE_DIGEST": "sha256:image"}
    with running([LAMP], lamp_folder, log, name="lamp", environment=environment) as server:
        yield server


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All four versions, trained by the command that the README names."""
    folder = tmp_path_factory.mktemp("digits")
    subprocess.run([sys.executable, "-m", "digits", "train", "all", "--out", folder], check=True)
    return folder
