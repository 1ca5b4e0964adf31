"""The metric families of a model server, with every label set made at zero.

A family that appears only with its first event cannot be told from a server
that is not scraped; `rate` over it also loses that first event. Import this
only after `metric_files.prepare`.
"""

from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from sluice_models.classifier import ModelInfo
from sluice_models.observation import MODES, Observation
from sluice_models.tensors import MISSING, REASONS

NULL_CLASS: Final = "null"
CODE_CLASSES: Final = ("2xx", "4xx", "5xx")
DURATION_EDGES: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
)  # fmt: skip
CONFIDENCE_EDGES: Final = (
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99, 0.995, 1,
)  # fmt: skip
RATIO_EDGES: Final = tuple(step / 20 for step in range(1, 21))
BYTES_EDGES: Final = tuple(2**power for power in range(8, 25))


class Catalogue:
    """All families of one process. Make one: the registry refuses a second."""

    def __init__(self, classes: Sequence[str], feature: str) -> None:
        self._feature = feature
        self._requests = Counter(
            "inference_requests", "Requests that ended", ["code_class", "mode"]
        )
        self._duration = Histogram(
            "inference_request_duration_seconds",
            "From the request's head to the last byte of its answer",
            ["mode"],
            buckets=DURATION_EDGES,
        )
        self._in_flight = Gauge(
            "inference_in_flight_requests", "Requests being answered", multiprocess_mode="livesum"
        )
        self._predictions = Counter(
            "inference_predictions", "Predictions in successful answers", ["class", "mode"]
        )
        self._empty = Counter(
            "inference_empty_predictions", "Null predictions in successful answers", ["mode"]
        )
        self._confidence = Histogram(
            "inference_prediction_confidence_ratio",
            "Confidence of each prediction in successful answers, nulls included",
            ["mode"],
            buckets=CONFIDENCE_EDGES,
        )
        self._make_input_families()
        self._load_seconds = Gauge(
            "inference_model_load_seconds", "Time to load the model", multiprocess_mode="livemax"
        )
        self._info = Gauge(
            "inference_model_info",
            "1; where the model came from",
            ["model_digest", "image_digest", "train_data_digest", "framework"],
            multiprocess_mode="livemax",
        )
        self._make_label_sets(classes)

    def _make_input_families(self) -> None:
        self._brightness = Histogram(
            "inference_input_brightness_ratio", "Mean of an input", ["mode"], buckets=RATIO_EDGES
        )
        self._contrast = Histogram(
            "inference_input_contrast_ratio",
            "Twice the standard deviation of an input",
            ["mode"],
            buckets=RATIO_EDGES,
        )
        self._bytes = Histogram(
            "inference_input_bytes", "Size of a request's body", ["mode"], buckets=BYTES_EDGES
        )
        self._missing = Counter(
            "inference_input_missing", "Requests refused for a missing value", ["feature", "mode"]
        )
        self._invalid = Counter(
            "inference_input_invalid", "Requests refused, by what was wrong", ["reason", "mode"]
        )

    def _make_label_sets(self, classes: Sequence[str]) -> None:
        for mode in MODES:
            for code_class in CODE_CLASSES:
                self._requests.labels(code_class, mode)
            for label in (*classes, NULL_CLASS):
                self._predictions.labels(label, mode)
            for reason in REASONS:
                self._invalid.labels(reason, mode)
            self._missing.labels(self._feature, mode)
            for family in (
                self._duration, self._empty, self._confidence,
                self._brightness, self._contrast, self._bytes,
            ):  # fmt: skip
                family.labels(mode)

    def loaded(self, info: ModelInfo, *, image_digest: str, seconds: float) -> None:
        """Show where the model came from and how long loading took."""
        self._load_seconds.set(seconds)
        self._info.labels(
            info.model_digest, image_digest, info.train_data_digest, info.framework
        ).set(1)

    def began(self) -> None:
        """Count one more request in flight."""
        self._in_flight.inc()

    def ended(
        self, observation: Observation, *, status: int, seconds: float, body_bytes: int
    ) -> None:
        """Count one request that ended with HTTP `status`.

        Inputs count whatever the status; predictions only when it is 2xx.
        """
        mode = observation.mode
        code_class = f"{status // 100}xx"
        self._in_flight.dec()
        self._requests.labels(code_class, mode).inc()
        self._duration.labels(mode).observe(seconds)
        self._bytes.labels(mode).observe(body_bytes)
        self._count_inputs(observation)
        if code_class == "2xx":
            self._count_predictions(observation)

    def _count_inputs(self, observation: Observation) -> None:
        if observation.invalid is not None:
            self._invalid.labels(observation.invalid, observation.mode).inc()
            if observation.invalid == MISSING:
                self._missing.labels(self._feature, observation.mode).inc()
        if observation.inputs is not None:
            for value in observation.inputs.brightness:
                self._brightness.labels(observation.mode).observe(value)
            for value in observation.inputs.contrast:
                self._contrast.labels(observation.mode).observe(value)

    def _count_predictions(self, observation: Observation) -> None:
        mode = observation.mode
        for prediction in observation.predictions:
            self._predictions.labels(prediction.label or NULL_CLASS, mode).inc()
            if prediction.label is None:
                self._empty.labels(mode).inc()
            if prediction.confidence is not None:
                self._confidence.labels(mode).observe(prediction.confidence)
