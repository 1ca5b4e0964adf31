"""Two worker processes: one set of numbers, whichever of them is asked."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.conftest import LAMP
from models.served import Server, running
from models.test_serving import BRIGHT, FAILING, SLOW, UNSURE, V1

pytestmark = pytest.mark.timeout(240)

OK = 'inference_requests_total{code_class="2xx",mode="live"}'
FAILED = 'inference_requests_total{code_class="5xx",mode="live"}'
LEFT = "counter_1.db"
IN_FLIGHT = "inference_in_flight_requests{}"


def both_ready(server: Server, metrics: Path) -> None:
    """Wait until both workers have made their files, that is, serve."""
    deadline = time.monotonic() + 60
    while len(list(metrics.glob("counter_*.db"))) < 2:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)
    time.sleep(0.5)


@pytest.fixture(scope="module")
def pair(lamp_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers, whose metrics folder an earlier run had left behind."""
    folder = tmp_path_factory.mktemp("pair")
    metrics = folder / "metrics"
    metrics.mkdir()
    (metrics / LEFT).write_bytes(b"left by an earlier run")
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with running(
        [LAMP], lamp_folder, folder / "log", name="lamp", workers=2, environment=environment
    ) as server:
        assert not (metrics / LEFT).exists()
        both_ready(server, metrics)
        yield server


def test_two_workers_count_as_one(pair: Server) -> None:
    bodies = [BRIGHT] * 30 + [UNSURE] * 20 + [FAILING] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: pair.ask(V1, {"instances": [body]}).status, bodies))
    assert (answers.count(200), answers.count(500)) == (50, 10)
    for _ in range(6):  # whichever worker answers
        scraped = pair.scrape()
        assert (scraped[OK], scraped[FAILED], scraped[IN_FLIGHT]) == (50, 10, 0)
        assert scraped['inference_empty_predictions_total{mode="live"}'] == 20
        assert scraped['inference_prediction_confidence_ratio_count{mode="live"}'] == 50
        assert len([series for series in scraped if "model_info" in series]) == 1


def test_a_dead_worker_leaves_its_counts_and_takes_its_gauges(pair: Server) -> None:
    before = pair.scrape()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(pair.ask, V1, {"instances": [SLOW]})
        time.sleep(0.5)
        assert pair.scrape()[IN_FLIGHT] == 1
        for pid in pair.workers():
            os.kill(pid, signal.SIGKILL)
        assert isinstance(slow.exception(), OSError)
    after = scrape_when_back(pair)
    assert (after[OK], after[FAILED], after[IN_FLIGHT]) == (before[OK], before[FAILED], 0)


def test_sigterm_lets_requests_in_flight_finish(pair: Server) -> None:
    """The last of this file: it ends the server that the others share."""
    with ThreadPoolExecutor(3) as pool:
        slow = [pool.submit(pair.ask, V1, {"instances": [SLOW]}) for _ in range(3)]
        time.sleep(0.5)
        assert pair.terminate() == 0
        assert [answer.result().status for answer in slow] == [200, 200, 200]


def scrape_when_back(server: Server) -> dict[str, float]:
    deadline = time.monotonic() + 60
    while True:
        try:
            return server.scrape()
        except OSError:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.2)
