"""Get every program: from where it lies already, or by `go build`, in a fixed order.

The order of search is KUBEBUILDER_ASSETS (the convention of envtest), the
per-user cache, PATH (Kubernetes programs of exactly our version), then a build.
"""

import concurrent.futures
import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lab import commands
from lab.errors import LabError
from lab.place import cache_folder
from lab.report import Reporter
from lab.toolchain import envoy, go, manifests, programs
from lab.toolchain.programs import BATCHES, Batch, Program

_POLL_SECONDS = 0.5


@dataclass(slots=True)
class Toolbox:
    """Where each program lies; asking for one that is being built waits for it."""

    _paths: dict[str, concurrent.futures.Future[Path]] = field(default_factory=dict)
    _builder: threading.Thread | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def path(self, name: str) -> Path:
        """Return the program file. Raises: LabError if its build failed."""
        return self._paths[name].result()

    def finish(self) -> None:
        """Wait until all that was missing is built, also what the cluster did not need yet."""
        if self._builder:
            self._builder.join()

    def stop(self) -> None:
        """End a build that is going on, and wait until the compiler is gone."""
        self._stopped.set()
        self.finish()


def prepare(report: Reporter) -> Toolbox:
    """Find all programs, and build the missing ones in a thread of its own."""
    futures = {
        program.name: concurrent.futures.Future[Path]()
        for batch in BATCHES
        for program in batch.programs
    }
    # Fetched from outside: the threads that start the cluster reach nothing but the cluster.
    fetched = {
        "envoy": envoy.program,
        "kserve-manifests": manifests.kserve,
        "gateway-manifests": manifests.gateway,
    }
    for name, fetch in fetched.items():
        futures[name] = concurrent.futures.Future[Path]()
        thread = threading.Thread(target=_fetch, args=(fetch, futures[name]), daemon=True)
        thread.start()
    toolbox = Toolbox(futures)
    missing = [batch for batch in BATCHES if not _find_all(batch, futures)]
    if missing:
        toolbox._builder = threading.Thread(
            target=_build_all, args=(missing, futures, report, toolbox._stopped), daemon=True
        )
        toolbox._builder.start()
    return toolbox


def _fetch(fetch: Callable[[], Path], future: concurrent.futures.Future[Path]) -> None:
    try:
        future.set_result(fetch())
    except (LabError, OSError) as error:
        future.set_exception(error)


def missing_batches() -> list[Batch]:
    """Return what a start would have to build."""
    return [batch for batch in BATCHES if any(find(p, batch) is None for p in batch.programs)]


def find(program: Program, batch: Batch) -> Path | None:
    """Return where the program lies already, or None."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / program.name).is_file():
        return Path(assets) / program.name
    cached = programs.output_folder(batch.module) / program.name
    if cached.is_file():
        return cached
    on_path = shutil.which(program.name) if program.package.startswith("k8s.io/") else None
    if on_path and on_path_version_fits(program, on_path):
        return Path(on_path)
    return None


def on_path_version_fits(program: Program, file: str) -> bool:
    """Tell whether a Kubernetes program on PATH is exactly of our version."""
    question = ["version", "--client"] if program.name == "kubectl" else ["--version"]
    answer = commands.run([file, *question], check=False)
    return programs.version_of("cluster", "k8s.io/kubernetes") in answer.split()


def _find_all(batch: Batch, futures: dict[str, concurrent.futures.Future[Path]]) -> bool:
    found = {program.name: find(program, batch) for program in batch.programs}
    for name, path in found.items():
        if path is not None and not futures[name].done():
            futures[name].set_result(path)
    return None not in found.values()


def _build_all(
    batches: list[Batch],
    futures: dict[str, concurrent.futures.Future[Path]],
    report: Reporter,
    stopped: threading.Event,
) -> None:
    try:
        (cache_folder() / "bin").mkdir(parents=True, exist_ok=True)
        with (cache_folder() / "bin" / "lock").open("w") as lock:
            _wait_for(lock, report, stopped)
            started = time.monotonic()
            for position, batch in enumerate(batches):
                left = batches[position:]
                if not _find_all(batch, futures):
                    _build(batch, report, Progress(len(batches), left, started), stopped)
                    _find_all(batch, futures)
    except (LabError, OSError) as error:
        for future in futures.values():
            if not future.done():
                future.set_exception(LabError(f"building the lab's programs: {error}"))


def _wait_for(lock: IO[str], report: Reporter, stopped: threading.Event) -> None:
    """Let one checkout after the other build; those behind find everything in the cache."""
    waiting = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waiting:
                report.say("waiting for another checkout's build of the same programs")
            waiting = True
        else:
            return
        if stopped.wait(_POLL_SECONDS):
            raise LabError("interrupted")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the whole build is; `left` begins with the batch in work."""

    batches: int
    left: list[Batch]
    started: float

    def line(self, batch_seconds: float, output: Sequence[str]) -> str:
        """Return the line to show, by what `go build -v` has said so far."""
        downloads = sum(line.startswith("go: downloading") for line in output)
        packages = sum(not line.startswith("go: ") for line in output)
        work = f"{packages} packages compiled" if packages else f"{downloads} modules fetched"
        names = ", ".join(program.name for program in self.left[0].programs)
        number = self.batches - len(self.left) + 1
        rest = max(self.left[0].cold_seconds - batch_seconds, 5)
        rest += sum(batch.cold_seconds for batch in self.left[1:])
        elapsed = time.monotonic() - self.started
        return (
            f"building {number} of {self.batches}: {names}; {work}, "
            f"{elapsed / 60:.1f} min so far, at most {rest / 60:.0f} min to go"
        )


def _build(batch: Batch, report: Reporter, progress: Progress, stopped: threading.Event) -> None:
    target = programs.output_folder(batch.module)
    target.mkdir(parents=True, exist_ok=True)
    scratch = target / f".new-{os.getpid()}"
    scratch.mkdir(exist_ok=True)
    argv = [
        go.compiler(), "build", "-v", "-trimpath",
        "-ldflags", programs.link_flags(), "-tags", programs.TAGS,
        "-o", f"{scratch}/", *(program.package for program in batch.programs),
    ]  # fmt: skip
    began = time.monotonic()
    lines: list[str] = []
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=batch.folder,
        env={**os.environ, **go.environment(), "GOTMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    reader = threading.Thread(target=_collect, args=(process, lines), daemon=True)
    reader.start()
    while process.poll() is None:
        if stopped.wait(_POLL_SECONDS):
            # Its compilers as well; their scratch files are removed with ours.
            os.killpg(process.pid, signal.SIGINT)
            process.wait()
        report.progress(progress.line(time.monotonic() - began, tuple(lines)))
    reader.join()
    if stopped.is_set() or process.returncode:
        shutil.rmtree(scratch)
        if stopped.is_set():
            raise LabError("interrupted")
        raise LabError("\n".join(lines[-15:]) or f"go build: exit code {process.returncode}")
    for program in batch.programs:
        (scratch / program.output).rename(target / program.name)
    scratch.rmdir()
    names = ", ".join(program.name for program in batch.programs)
    report.milestone(f"built {names}", f"built {names} in {time.monotonic() - began:.0f} s")


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            lines.append(line.rstrip())  # noqa: PERF401 - the other thread counts them meanwhile
