"""The ASGI middleware that counts whole requests: what the client got, whoever answered it.

Sits around kserve's routing and error handlers, so that unknown models, bodies
that are not JSON and models that raise are all counted by their real status.
"""

import logging
import re
import time
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sluice_models.catalogue import Catalogue
from sluice_models.observation import CURRENT, Observation, mode_of
from sluice_models.tensors import MALFORMED

# kserve answers 501 on every path with /versions/, which says nothing about this model.
INFERENCE_PATH: Final = re.compile(r"/v1/models/[^/]+:(predict|explain)|/v2/models/[^/]+/infer")
# Through the gateway anybody could unload the model, and only in one of the workers.
REPOSITORY_PATH: Final = re.compile(r"/v2/repository/.*")
CLIENT_ERRORS: Final = (400, 413, 415, 422)

log = logging.getLogger("sluice_models")


@dataclass(slots=True)
class _Exchange:
    """One request under way."""

    observation: Observation
    began: float = field(default_factory=time.perf_counter)
    status: int | None = None
    body_bytes: int = 0
    counted: bool = False


class CountedRequests:
    """Counts inference requests, names the revision on every answer, bounds the queue.

    An answer is counted just before its last byte is sent: whoever has seen the
    answer finds it in the next scrape.
    """

    def __init__(
        self, app: ASGIApp, *, catalogue: Catalogue, revision: str, max_in_flight: int
    ) -> None:
        self._app = app
        self._catalogue = catalogue
        self._revision = revision
        self._headers = [(b"x-model-revision", revision.encode())] if revision else []
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but what is counted or refused here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif INFERENCE_PATH.fullmatch(scope["path"]):
            await self._counted(scope, receive, send)
        elif REPOSITORY_PATH.fullmatch(scope["path"]):
            refusal = "The model is loaded for the life of the server. Deploy a new revision."
            await _error(403, refusal)(scope, receive, self._named(send))
        else:
            await self._app(scope, receive, self._named(send))

    def _named(self, send: Send) -> Send:
        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
            await send(message)

        return named

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(Observation(mode=mode_of(scope["headers"], self._revision)))
        receive, send = self._watched(exchange, receive, self._named(send))
        self._catalogue.began()
        self._in_flight += 1
        token = CURRENT.set(exchange.observation)
        try:
            await self._answer(exchange, scope, receive, send)
        finally:
            CURRENT.reset(token)
            self._in_flight -= 1
            self._count(exchange)

    async def _answer(
        self, exchange: _Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self._in_flight > self._max_in_flight:
            await _error(503, "Too many requests in flight. Try again.")(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # the boundary of one request
            log.error("request failed: %s", where(error))  # noqa: TRY400 - the message may quote the payload
            if exchange.status is not None:
                raise
            await self._unhandled(exchange)(scope, receive, send)

    @staticmethod
    def _unhandled(exchange: _Exchange) -> JSONResponse:
        if exchange.observation.reached_model:
            return _error(500, "The model server failed.")
        return _error(400, "body: cannot be decoded. Check it against the protocol.")

    def _watched(self, exchange: _Exchange, receive: Receive, send: Send) -> tuple[Receive, Send]:
        async def receiving() -> Message:
            message = await receive()
            exchange.body_bytes += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                self._count(exchange)
            await send(message)

        return receiving, sending

    def _count(self, exchange: _Exchange) -> None:
        """Count once; a request that ended without an answer counts as 500."""
        if exchange.counted:
            return
        exchange.counted = True
        status = exchange.status or 500
        observation = exchange.observation
        if status in CLIENT_ERRORS and observation.invalid is None:
            observation.invalid = MALFORMED
        self._catalogue.ended(
            observation,
            status=status,
            seconds=time.perf_counter() - exchange.began,
            body_bytes=exchange.body_bytes,
        )


def where(error: BaseException) -> str:
    """Return type and place of an error without its message, which may quote a payload."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
    return f"{type(error).__name__}{place}"


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
