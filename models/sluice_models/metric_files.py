"""Where several worker processes meet for /metrics: a folder of memory-mapped files.

One process needs none of it and keeps its metrics in memory. prometheus_client
decides between the two when it is first imported, so `prepare` comes before.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def prepare(workers: int) -> Path | None:
    """Make an empty folder for `workers` processes and name it in the environment.

    Files left by an earlier run are removed: they would add to the counts. For
    one worker returns None and keeps metrics in memory.

    Raises: RuntimeError if prometheus_client was imported too early.
    """
    if workers == 1:
        os.environ.pop(FOLDER_VARIABLE, None)
        return None
    if "prometheus_client" in sys.modules:
        raise RuntimeError(
            "prometheus_client: was imported before serve(), too early for several workers. "
            "Import it inside your class's methods."
        )
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named) if named else Path(tempfile.mkdtemp(prefix="sluice-metrics-"))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink()
    os.environ[FOLDER_VARIABLE] = str(folder)
    return folder


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the metrics of all processes and their content type, for an Accept header."""
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = REGISTRY
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is not None:
        _forget_dead(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _forget_dead(folder: Path) -> None:
    """Remove the gauges of dead processes; their counters stay, as counters must."""
    from prometheus_client.multiprocess import mark_process_dead

    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
