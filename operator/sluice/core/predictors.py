"""One InferenceService per revision: written once, never edited."""

from __future__ import annotations

import copy
from typing import Any

from sluice.api.names import REVISION_LABEL
from sluice.api.status import ModelRevisionSpec
from sluice.core.revisions import child_metadata

API_VERSION = "serving.kserve.io/v1beta1"
METRICS_PORT = "8080"

_ANNOTATIONS = {
    # The shipped KServe still defaults to Knative.
    "serving.kserve.io/deploymentMode": "Standard",
    # Replicas follow minReplicas; KServe's default is an HPA on CPU, useless for a GPU.
    "serving.kserve.io/autoscalerClass": "none",
    "prometheus.io/scrape": "true",
    "prometheus.io/port": METRICS_PORT,
    "prometheus.io/path": "/metrics",
}


def inference_service(
    *, name: str, namespace: str, owner: str, uid: str, revision: ModelRevisionSpec
) -> dict[str, Any]:
    """Return the InferenceService that runs `revision`.

    Everything on it is fixed for its life: KServe copies labels and annotations to the pod
    template, so that a later change would restart the model.
    """
    metadata = child_metadata(
        name=name,
        namespace=namespace,
        owner=owner,
        uid=uid,
        labels={
            REVISION_LABEL: name,
            # Sluice's own route is the only way in.
            "networking.kserve.io/visibility": "cluster-local",
        },
    )
    metadata["annotations"] = dict(_ANNOTATIONS)
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": _predictor(revision)},
    }


def _predictor(revision: ModelRevisionSpec) -> dict[str, Any]:
    predictor = copy.deepcopy(revision.predictor)
    predictor.setdefault("minReplicas", 1)
    model = predictor.get("model")
    if model is not None:
        # Bundled runtimes serve under the InferenceService's name, which differs between the
        # arms. KServe appends these arguments to the runtime's own, and the last one wins.
        model["args"] = [*model.get("args", ()), f"--model_name={revision.model_name}"]
    return predictor
