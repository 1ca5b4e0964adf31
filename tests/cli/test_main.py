"""Exit codes, and that a user's mistake is one line and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def sluice(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    return subprocess.run(
        [sys.executable, "-m", "sluice", *words],
        env=environment | {"KUBECONFIG": "/nowhere/config"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["status", "digits"], 3, "no kubeconfig at /nowhere/config. Set KUBECONFIG"),
        (["explain", "digits"], 3, "no kubeconfig at /nowhere/config. Set KUBECONFIG"),
        (["status"], 2, "Missing argument"),
        (["status", "digits", "-o", "xml"], 2, "'xml' is not one of"),
        (["operator"], 2, "SLUICE_PROMETHEUS_URL: must be an http:// or https:// URL"),
    ],
)
def test_a_mistake_says_what_to_do(words: list[str], code: int, says: str) -> None:
    done = sluice(*words)

    assert code == done.returncode
    assert says in done.stderr
    assert "Traceback" not in done.stderr
