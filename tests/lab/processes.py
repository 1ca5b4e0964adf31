"""The programs that stay: started into the lab's namespaces, recorded, and stopped by pid.

A record keeps, besides the pid, the time at which the kernel started that
process, so a pid that was used again is never signalled. It also keeps the
whole command, so that a part can be stopped and started again.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab import cgroups
from lab.errors import LabError
from lab.place import Place

# Fields of /proc/PID/stat after the name in brackets: state is the first, starttime the 20th.
_STATE, _START_TICKS = 0, 19


@dataclass(frozen=True, slots=True)
class Record:
    """One started program. `start_ticks` is in clock ticks since boot.

    `held` says that somebody stopped it on purpose: it is no crash that it does not run.
    """

    part: str
    pid: int
    start_ticks: int
    argv: tuple[str, ...]
    env: Mapping[str, str]
    held: bool = False


def parse_stat(text: str) -> tuple[str, int]:
    """Return state and start time out of the text of /proc/PID/stat.

    The name may itself hold blanks and brackets, so fields count from its last
    bracket.
    """
    fields = text[text.rindex(")") + 2 :].split()
    return fields[_STATE], int(fields[_START_TICKS])


def start_ticks(pid: int) -> int | None:
    """Return when the kernel started `pid`, or None if no such process runs."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state, ticks = parse_stat(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else ticks


def alive(record: Record) -> bool:
    """Tell whether exactly the recorded process still runs."""
    return start_ticks(record.pid) == record.start_ticks


def read_record(place: Place, part: str) -> Record | None:
    """Return what was last started under this name, or None."""
    try:
        return parse_record((place.records / f"{part}.json").read_text())
    except FileNotFoundError:
        return None


def parse_record(text: str) -> Record:
    """Return the record that `format_record` wrote."""
    raw = json.loads(text)
    return Record(
        part=raw["part"],
        pid=raw["pid"],
        start_ticks=raw["start_ticks"],
        argv=tuple(raw["argv"]),
        env=raw["env"],
        held=raw.get("held", False),
    )


def format_record(record: Record) -> str:
    """Return the record as JSON text."""
    return json.dumps(asdict(record), indent=1)


def all_records(place: Place) -> list[Record]:
    """Return the records of every part that was ever started since the last clean-up."""
    files = sorted(place.records.glob("*.json"), key=lambda file: file.stat().st_mtime)
    return [record for file in files if (record := read_record(place, file.stem))]


def start(
    place: Place, part: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None
) -> Record:
    """Start a program in the lab's namespaces and cgroup, with output to its log.

    It gets a session of its own, so a Ctrl-C at the terminal does not reach it.
    """
    words = tuple(str(word) for word in argv)
    place.logs.mkdir(parents=True, exist_ok=True)
    place.records.mkdir(parents=True, exist_ok=True)
    log = os.open(place.logs / f"{part}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    join = 'echo $$ >"$1" && shift && exec "$@"'
    enter = ["nsenter", f"--net={place.network_namespace}", f"--mount={place.mount_namespace}"]
    wrapper = ["/bin/sh", "-c", join, "sh", str(cgroups.parts_procs_file(place)), *enter]
    try:
        pid = os.posix_spawn(
            "/bin/sh",
            [*wrapper, *words],
            _environment(env or {}),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)
    ticks = start_ticks(pid)
    record = Record(part, pid, -1 if ticks is None else ticks, words, dict(env or {}))
    _write(place, record)
    return record


def stop(record: Record, *, seconds: float = 10.0) -> None:
    """Ask the recorded process to end, kill it after `seconds`, and wait until it is gone."""
    _signal(record, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while alive(record):
        if time.monotonic() > deadline:
            _signal(record, signal.SIGKILL)
        time.sleep(0.05)


def hold(place: Place, part: str) -> None:
    """Stop a part on purpose, until `restart`; the lab counts as up meanwhile."""
    record = _known(place, part)
    # Written first: who looks in between must not take this for a crash.
    _write(place, replace(record, held=True))
    stop(record)


def restart(place: Place, part: str) -> Record:
    """Start a part again by its recorded command; harmless if it runs."""
    record = _known(place, part)
    return record if alive(record) else start(place, part, record.argv, record.env)


def _known(place: Place, part: str) -> Record:
    record = read_record(place, part)
    if record is None:
        known = ", ".join(sorted(file.stem for file in place.records.glob("*.json")))
        raise LabError(f"part {part}: unknown. Known parts: {known or 'none, the lab is down'}")
    return record


def _write(place: Place, record: Record) -> None:
    """Replace the record all at once: others read it at any time."""
    file = place.records / f"{record.part}.json"
    scratch = file.with_suffix(f".{os.getpid()}.new")
    scratch.write_text(format_record(record))
    scratch.rename(file)


def _signal(record: Record, number: signal.Signals) -> None:
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return
    try:
        if alive(record):
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a part: the caller's without proxies, which it never needs."""
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    kept = {key: value for key, value in os.environ.items() if key.lower() not in proxies}
    kept.pop("KUBECONFIG", None)
    return {**kept, **extra}
