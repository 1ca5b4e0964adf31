"""Puts a classifier into kserve's server, in one process or in several.

With several workers kserve's parent process only supervises: each worker
unpickles the endpoint (`_in_worker`), loads the model when its application
starts, and takes requests from then on.
"""

import argparse
import asyncio
import logging
import os
import signal
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import prometheus_client
from fastapi import FastAPI, Request, Response
from kserve import ModelServer, model_server
from kserve.protocol.rest.multiprocess import server as kserve_workers

from sluice_models import logs, metric_files
from sluice_models.catalogue import Catalogue
from sluice_models.classifier import Classifier
from sluice_models.counting import CountedRequests
from sluice_models.endpoint import Endpoint
from sluice_models.settings import Settings

LOAD_FAILED: Final = "load-failed"

log = logging.getLogger("sluice_models")


class PatientWorker(kserve_workers.RESTServerProcess):  # type: ignore[misc]
    """A worker that may take its time until it answers pings.

    kserve kills one that is silent for 5 s, and importing kserve alone can take
    that long on a busy node: such workers were killed for ever.
    """

    def is_alive(self, timeout: float = 60) -> bool:
        """Return whether the worker lives and answers within `timeout` seconds."""
        return bool(super().is_alive(timeout))


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a process needs to know to serve; can be pickled."""

    classifier: type[Classifier]
    name: str
    folder: Path
    settings: Settings
    log_config_file: str | None

    def endpoint(self) -> Endpoint:
        """Return an endpoint that has not loaded its model yet."""
        return Endpoint(
            self.name,
            self.classifier(),
            threads=self.settings.predict_threads,
            in_worker=(_in_worker, (self,)),
        )


def run(classifier: type[Classifier], metrics_folder: Path | None) -> int:
    """Serve until stopped; return the exit code.

    `metrics_folder` is where several workers' metrics meet, None for one worker.
    """
    arguments = _arguments()
    plan = Plan(
        classifier,
        arguments.model_name,
        Path(arguments.model_dir),
        Settings.from_environment(),
        arguments.log_config_file,
    )
    _set_up_process(plan)
    server = ModelServer(
        http_port=arguments.http_port,
        workers=arguments.workers,
        enable_grpc=False,
        enable_latency_logging=arguments.enable_latency_logging,
    )
    if metrics_folder is None:
        return _run_here(server, plan)
    return _run_workers(server, plan, metrics_folder)


def _run_here(server: ModelServer, plan: Plan) -> int:
    endpoint = plan.endpoint()
    catalogue = _install(model_server.app, plan)
    try:
        _load(endpoint, plan, catalogue)
    except Exception:
        log.exception("%s: the model cannot be loaded", plan.folder)
        return 1
    server.start([endpoint])
    return 0


def _run_workers(server: ModelServer, plan: Plan, metrics_folder: Path) -> int:
    failed = metrics_folder / LOAD_FAILED
    failed.unlink(missing_ok=True)
    kserve_workers.RESTServerProcess = PatientWorker
    endpoint = plan.endpoint()
    endpoint.ready = True  # kserve starts no server without; this process answers nothing
    server.start([endpoint])
    return 1 if failed.exists() else 0


def _set_up_process(plan: Plan) -> None:
    logs.configure(plan.log_config_file)
    # kserve's choice of a response class; FastAPI would complain in every process.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(parents=[model_server.parser], allow_abbrev=False)
    parser.add_argument("--model_dir", default="/mnt/models", help="The folder of the saved model.")
    # Requests over gRPC would pass by the counting.
    parser.set_defaults(enable_grpc=False, enable_latency_logging=False)
    arguments = parser.parse_args()
    if arguments.enable_grpc:
        parser.error("--enable_grpc: requests over gRPC are not counted. Leave it off.")
    return arguments


def _install(app: FastAPI, plan: Plan) -> Catalogue:
    catalogue = Catalogue(plan.classifier.classes, plan.classifier.input.name)
    app.add_middleware(
        CountedRequests,
        catalogue=catalogue,
        revision=plan.settings.revision,
        max_in_flight=plan.settings.max_in_flight,
    )
    # Before kserve adds its own, which would show only the process that was asked.
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    return catalogue


def _metrics(request: Request) -> Response:
    body, content_type = metric_files.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


def _load(endpoint: Endpoint, plan: Plan, catalogue: Catalogue) -> None:
    info, seconds = endpoint.load_from(plan.folder)
    catalogue.loaded(info, image_digest=plan.settings.image_digest, seconds=seconds)
    log.info("loaded %s in %.1f s: %s", plan.folder, seconds, info.model_digest)


def _in_worker(plan: Plan) -> Endpoint:
    """Build the endpoint of a worker process; kserve calls this by unpickling."""
    _set_up_process(plan)
    endpoint = plan.endpoint()
    catalogue = _install(model_server.app, plan)

    @asynccontextmanager
    async def loaded(_: FastAPI) -> AsyncIterator[None]:
        try:
            await asyncio.to_thread(_load, endpoint, plan, catalogue)
        except Exception:
            log.exception("%s: the model cannot be loaded", plan.folder)
            _stop_supervisor()
            raise
        yield

    model_server.app.router.lifespan_context = loaded
    return endpoint


def _stop_supervisor() -> None:
    """End the whole server: kserve would start the failing worker again for ever."""
    (Path(os.environ[metric_files.FOLDER_VARIABLE]) / LOAD_FAILED).touch()
    os.kill(os.getppid(), signal.SIGTERM)
