"""Run short helper programs to their end, and end them all when the lab is interrupted.

Programs that stay (the parts of the cluster) are in processes.py.
"""

import os
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_cancelled = threading.Event()
_LAST_LINES = 15


def cancelled() -> bool:
    """Tell whether `cancel_all` was called: no step should begin any more."""
    return _cancelled.is_set()


def cancel_all() -> None:
    """End every running helper, and let no further one start until `resume`."""
    _cancelled.set()
    with _lock:
        for process in _running:
            process.terminate()


def resume() -> None:
    """Allow helpers again, so that the clean-up can use them."""
    _cancelled.clear()


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    timeout_seconds: float | None = None,
) -> str:
    """Run a program to its end and return what it printed, both streams together.

    Raises: LabError with the last lines if it fails and `check` is set, if it
    takes longer than `timeout_seconds`, or if the lab was interrupted.
    """
    if cancelled():
        raise LabError("interrupted")
    words = [str(word) for word in argv]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    with _lock:
        _running.add(process)
    try:
        output, _ = process.communicate(stdin, timeout=timeout_seconds)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise LabError(f"{shlex.join(words)[:200]}: no end in {timeout_seconds} s") from error
    finally:
        with _lock:
            _running.discard(process)
    if check and process.returncode:
        if cancelled():
            raise LabError("interrupted")
        tail = "\n".join(output.splitlines()[-_LAST_LINES:])
        raise LabError(f"{shlex.join(words)[:300]}: exit code {process.returncode}\n{tail}")
    return output
