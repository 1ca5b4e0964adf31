"""Prometheus, finding pods through the API server as it would in any cluster."""

import json
from typing import Any

from lab import api, processes
from lab.api import Api
from lab.parts import services
from lab.place import PROMETHEUS_URL, Place
from lab.toolchain.build import Toolbox

SCRAPE_INTERVAL = "1s"
_PORT = 9090


def start(place: Place, tools: Toolbox, client: Api) -> None:
    """Start Prometheus behind prometheus.monitoring.svc and wait until it answers."""
    services.publish(client, "monitoring", "prometheus", {"http": ("TCP", _PORT)})
    config = place.state / "prometheus.yml"
    config.write_text(json.dumps(config_document(place)))
    processes.start(
        place,
        "prometheus",
        [
            tools.path("prometheus"),
            "--config.file", config,
            "--web.listen-address", f"0.0.0.0:{_PORT}",
            "--storage.tsdb.path", place.state / "prometheus",
            "--storage.tsdb.retention.time", "1d",
            "--log.level", "warn",
        ],
    )  # fmt: skip
    api.until(
        lambda: api.http_status(f"{PROMETHEUS_URL}/-/ready") == 200,
        what="prometheus is ready",
        seconds=60,
    )


def config_document(place: Place) -> dict[str, Any]:
    """Return the settings: scrape the pods that ask for it by the customary annotations.

    Labels of a target: `namespace`, `pod`, and `revision`, the InferenceService
    to which KServe says the pod belongs.
    """
    annotation = "__meta_kubernetes_pod_annotation_prometheus_io"
    relabel = [
        {"source_labels": [f"{annotation}_scrape"], "regex": "true", "action": "keep"},
        {
            "source_labels": ["__meta_kubernetes_pod_phase"],
            "regex": "Succeeded|Failed",
            "action": "drop",
        },
        {
            "source_labels": ["__meta_kubernetes_pod_ip", f"{annotation}_port"],
            "regex": "(.+);([0-9]+)",
            "replacement": "$1:$2",
            "target_label": "__address__",
        },
        {
            "source_labels": [f"{annotation}_path"],
            "regex": "(.+)",
            "target_label": "__metrics_path__",
        },
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        {
            "source_labels": ["__meta_kubernetes_pod_label_serving_kserve_io_inferenceservice"],
            "target_label": "revision",
        },
    ]
    pods = {
        "job_name": "pods",
        "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(place.kubeconfig)}],
        "relabel_configs": relabel,
        # For servers that name no type, such as busybox's in the tests.
        "fallback_scrape_protocol": "PrometheusText0.0.4",
    }
    return {
        "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
        "scrape_configs": [pods],
    }
