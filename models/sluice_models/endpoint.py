"""kserve's view of a `Classifier`: one object that speaks v1 and v2."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kserve
import numpy as np
from kserve.errors import InferenceError, InvalidInput
from numpy.typing import NDArray

from sluice_models import tensors
from sluice_models.classifier import Classifier, ImageInput, ModelInfo, Prediction
from sluice_models.counting import where
from sluice_models.observation import current

log = logging.getLogger("sluice_models")


@dataclass(frozen=True, slots=True)
class Batch:
    """A checked request: `values` (n, *shape), and the v2 request if it was one."""

    values: NDArray[np.float32]
    v2: kserve.InferRequest | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A batch with one prediction for each instance."""

    batch: Batch
    predictions: Sequence[Prediction]


class Endpoint(kserve.Model):  # type: ignore[misc]
    """Checks requests, runs the classifier in threads, writes answers.

    `in_worker` makes the copy that serves in a worker process: kserve pickles
    its models for each worker, and a loaded network is no thing to pickle.
    """

    def __init__(
        self,
        name: str,
        classifier: Classifier,
        *,
        threads: int,
        in_worker: tuple[Callable[..., "Endpoint"], tuple[Any, ...]],
    ) -> None:
        super().__init__(name)
        self._classifier = classifier
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._in_worker = in_worker

    def __reduce__(self) -> tuple[Callable[..., "Endpoint"], tuple[Any, ...]]:
        """Pickle the way to make one, not the model."""
        return self._in_worker

    def load_from(self, folder: Path) -> tuple[ModelInfo, float]:
        """Load the classifier; return where it came from and the seconds it took."""
        began = time.perf_counter()
        info = self._classifier.load(folder)
        self.ready = True
        return info, time.perf_counter() - began

    def get_input_types(self) -> list[dict[str, Any]]:
        """Describe the input for v2 metadata; -1 is the count of instances."""
        spec = self._classifier.input
        return [{"name": spec.name, "datatype": "FP32", "shape": [-1, *spec.shape]}]

    def get_output_types(self) -> list[dict[str, Any]]:
        """Describe the outputs for v2 metadata."""
        return [
            {"name": "class", "datatype": "BYTES", "shape": [-1]},
            {"name": "confidence", "datatype": "FP32", "shape": [-1]},
        ]

    async def preprocess(
        self,
        payload: object,
        headers: dict[str, str] | None = None,  # noqa: ARG002 - kserve passes it
    ) -> Batch:
        """Check a request and measure its inputs."""
        observation = current()
        observation.reached_model = True
        try:
            batch = _batch(payload, self._classifier.input)
        except tensors.InvalidRequestError as error:
            observation.invalid = error.reason
            raise InvalidInput(str(error)) from None
        observation.inputs = self._classifier.input_statistics(batch.values)
        return batch

    async def predict(
        self,
        payload: Batch,
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> Answered:
        """Run the classifier in a thread; the event loop stays free for probes and scrapes."""
        loop = asyncio.get_running_loop()
        try:
            predictions = await loop.run_in_executor(
                self._threads, self._classifier.predict, payload.values
            )
        except Exception as error:  # noqa: BLE001 - whatever a model raises fails this request alone
            log.error("predict failed: %s", where(error))  # noqa: TRY400 - the message may quote the payload
            raise InferenceError(f"predict failed: {type(error).__name__}") from None
        if len(predictions) != len(payload.values):
            raise InferenceError("predict: must answer once for each instance")
        current().predictions = predictions
        return Answered(payload, predictions)

    async def postprocess(
        self,
        result: Answered,
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> dict[str, Any] | kserve.InferResponse:
        """Write the answer in the protocol of its request."""
        if result.batch.v2 is None:
            return {
                "predictions": [
                    {"class": prediction.label, "confidence": prediction.confidence}
                    for prediction in result.predictions
                ]
            }
        return _v2_answer(self.name, result.batch.v2, result.predictions)

    async def explain(
        self,
        payload: object,  # noqa: ARG002
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> Answered:
        """Refuse: this is a predictor."""
        raise InvalidInput("explain: this model has no explainer. Use :predict.")


def _batch(payload: object, spec: ImageInput) -> Batch:
    if not isinstance(payload, kserve.InferRequest):
        return Batch(tensors.from_v1(payload, spec), None)
    named = {sent.name: sent for sent in payload.inputs}
    if spec.name not in named:
        raise tensors.InvalidRequestError(
            tensors.MALFORMED, f"inputs: must hold a tensor named {spec.name!r}."
        )
    try:
        values = named[spec.name].as_numpy()
    except (InvalidInput, TypeError, ValueError) as error:
        raise tensors.InvalidRequestError(
            tensors.SHAPE, f"inputs[{spec.name}]: data does not fit datatype and shape."
        ) from error
    return Batch(tensors.from_v2(values, spec), payload)


def _v2_answer(
    name: str, request: kserve.InferRequest, predictions: Sequence[Prediction]
) -> kserve.InferResponse:
    """Return two tensors (n,): `class`, where "" is null, and `confidence`, where -1 is none."""
    labels = [prediction.label or "" for prediction in predictions]
    confidences = [
        -1.0 if prediction.confidence is None else prediction.confidence
        for prediction in predictions
    ]
    shape = [len(predictions)]
    return kserve.InferResponse(
        response_id=request.id or str(uuid.uuid4()),
        model_name=name,
        infer_outputs=[
            kserve.InferOutput("class", shape, "BYTES", labels),
            kserve.InferOutput("confidence", shape, "FP32", confidences),
        ],
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=request.request_outputs,
    )
