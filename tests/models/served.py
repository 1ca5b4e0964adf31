"""A model server as a process of its own, on a port that the system chose."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET without a body, else POST it: bytes as they are, the rest as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(
                "GET" if body is None else "POST",
                path,
                None if body is None else sent,
                {"content-type": "application/json", **(headers or {})},
            )
            response = connection.getresponse()
            named = {key.lower(): value for key, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def scrape(self) -> dict[str, float]:
        """Return every sample of our families by `name{label="value",...}`, labels sorted."""
        families = text_string_to_metric_families(self.ask("/metrics").body.decode())
        return {
            _series(sample.name, sample.labels): sample.value
            for family in families
            for sample in family.samples
            if sample.name.startswith("inference_")
        }

    def changes(self, before: Mapping[str, float]) -> dict[str, float]:
        """Return what grew since `before`, but for buckets and sums of measured times."""
        return {
            series: value - before[series]
            for series, value in self.scrape().items()
            if value != before[series] and not re.match(r"\w+_(bucket|sum)\b", series)
        }

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def workers(self) -> list[int]:
        """Return the pids of kserve's worker processes."""
        children = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "spawn_main"],
            capture_output=True,
            check=False,
            text=True,
        )
        return [int(pid) for pid in children.stdout.split()]


def _series(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def command(program: Sequence[str], model_dir: Path, name: str, workers: int) -> list[str]:
    return [
        sys.executable, *program, f"--model_dir={model_dir}", f"--model_name={name}",
        "--http_port=0", f"--workers={workers}",
    ]  # fmt: skip


@contextmanager
def running(
    program: Sequence[str],
    model_dir: Path,
    log: Path,
    *,
    name: str,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a server, wait until it answers, and end it whatever happens."""
    with log.open("wb") as written:
        process = subprocess.Popen(
            command(program, model_dir, name, workers),
            stdout=written,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
    try:
        server = Server(process, _port(process, log), log)
        _wait_until_ready(server, name)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(rb"running on http://[\d.]+:(\d+)", log.read_bytes()):
            return int(found.group(1))
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def _wait_until_ready(server: Server, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if server.ask(f"/v1/models/{name}").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the server did not become ready:\n{server.log.read_text()}")
