"""`serve`: the way in, before kserve and prometheus_client are imported."""

import argparse
import os
import signal
import sys
from typing import NoReturn

from sluice_models import metric_files
from sluice_models.classifier import Classifier


def serve(classifier: type[Classifier]) -> NoReturn:
    """Serve one model until SIGTERM; the arguments are kserve's and --model_dir.

    Call it under `if __name__ == "__main__":`, since each of several workers
    (--workers) imports the calling module again. Exits with 0 after SIGTERM,
    when the requests in flight are answered, and with 1 if the model cannot
    be loaded.
    """
    # As process 1 of a container nothing else would end us while the model loads.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Workers and predict threads share the cores already.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = metric_files.prepare(_workers())
    from sluice_models import server

    sys.exit(server.run(classifier, folder))


def _workers() -> int:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--workers", type=int, default=1)
    known, _ = parser.parse_known_args()
    return int(known.workers)
