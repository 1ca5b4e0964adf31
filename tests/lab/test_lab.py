"""The local cluster does what a real one does: run pods, find names, serve, route, scrape."""

import http.client
import json
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.images import pause
from lab.parts.gateway import GATEWAY_NAME, GATEWAY_NAMESPACE
from lab.place import GATEWAY_URL, PROMETHEUS_URL

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

NAMESPACE = "lab-test"
HOST = "echo.example.com"
SERVER = "echo 'lab_test_value 42' >/tmp/metrics; exec httpd -f -p 8080 -h /tmp"
CONTAINER = {
    "name": "kserve-container",
    "image": pause.NAME,
    "command": ["sh", "-c", SERVER],
    "ports": [{"containerPort": 8080}],
}
METADATA = {
    "name": "echo",
    "namespace": NAMESPACE,
    "labels": {"networking.kserve.io/visibility": "cluster-local"},
    "annotations": {
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/autoscalerClass": "none",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8080",
    },
}
OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": METADATA,
        "spec": {
            "predictor": {
                "minReplicas": 2,
                "terminationGracePeriodSeconds": 1,
                "containers": [CONTAINER],
            }
        },
    },
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "echo", "namespace": NAMESPACE},
        "spec": {
            "parentRefs": [{"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE}],
            "hostnames": [HOST],
            "rules": [{"backendRefs": [{"name": "echo-predictor", "port": 80}]}],
        },
    },
]


def kubectl(*words: str, stdin: str | None = None) -> str:
    """Return what kubectl printed; fail with what it complained of."""
    done = subprocess.run(
        ["kubectl", "-n", NAMESPACE, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def get(url: str, host: str | None = None) -> tuple[int, str]:
    """Return status and body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Host": host or "lab"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(probe: Callable[[], Any], seconds: float = 30) -> Any:  # noqa: ANN401
    """Return the probe's first true value, or its last."""
    deadline = time.monotonic() + seconds
    while not (value := probe()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


@pytest.fixture(scope="module", autouse=True)
def serving() -> Iterator[None]:
    """An InferenceService of two small pods, and a route to it."""
    everything = {"apiVersion": "v1", "kind": "List", "items": OBJECTS}
    kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(everything))
    kubectl("wait", "isvc/echo", "--for=condition=Ready", "--timeout=90s")
    # Ready means that the pods are; kube-proxy learns of them a moment later.
    until(lambda: "lab_test_value" in asked_from_a_pod("http://echo-predictor/metrics"))
    yield
    kubectl("delete", "namespace", NAMESPACE, "--timeout=100s")


def pods() -> list[str]:
    query = ("get", "pods", "-l", "serving.kserve.io/inferenceservice=echo")
    return sorted(kubectl(*query, "-o", "jsonpath={.items[*].metadata.name}").split())


def asked_from_a_pod(url: str) -> str:
    """Return the answer, or why there is none."""
    try:
        return kubectl("exec", pods()[0], "--", "wget", "-q", "-O", "-", url)
    except AssertionError as error:
        return str(error)


def test_kserve_made_a_deployment_whose_pods_run_with_its_defaults() -> None:
    deployment = json.loads(kubectl("get", "deployment", "echo-predictor", "-o", "json"))
    assert 2 == deployment["status"]["readyReplicas"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert "64Mi" == container["resources"]["requests"]["memory"]


def test_a_pod_finds_services_by_name_and_reaches_them() -> None:
    for url, answer in (
        ("http://echo-predictor/metrics", "lab_test_value 42"),
        (f"http://echo-predictor.{NAMESPACE}.svc.cluster.local/metrics", "lab_test_value 42"),
        ("http://prometheus.monitoring.svc:9090/-/ready", "Prometheus Server is Ready."),
    ):
        assert answer == asked_from_a_pod(url).strip()


def test_a_name_outside_the_cluster_is_refused_at_once() -> None:
    began = time.monotonic()
    assert "bad address" in asked_from_a_pod("http://example.org/")
    assert time.monotonic() - began < 3


def test_the_gateway_routes_by_host_name() -> None:
    url = f"{GATEWAY_URL}/metrics"
    assert until(lambda: 200 == get(url, HOST)[0]), get(url, HOST)
    assert (200, "lab_test_value 42\n") == get(url, HOST)
    assert 404 == get(url, "other.example.com")[0]


def test_prometheus_scrapes_annotated_pods_and_says_whose_they_are() -> None:
    def series() -> list[dict[str, str]]:
        _, text = get(f"{PROMETHEUS_URL}/api/v1/query?query=lab_test_value")
        return [item["metric"] for item in json.loads(text)["data"]["result"]]

    until(lambda: len(series()) == 2)
    found = sorted((s["namespace"], s["pod"], s["revision"]) for s in series())
    assert [(NAMESPACE, pod, "echo") for pod in pods()] == found


def test_kserve_refuses_what_it_would_refuse_anywhere() -> None:
    wrong = {**OBJECTS[1], "metadata": {**METADATA, "name": "Wrong.Name"}}
    with pytest.raises(AssertionError, match=r"Wrong\.Name"):
        kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(wrong))
    text = json.dumps(
        {**OBJECTS[1], "spec": {"predictor": {}}, "metadata": {**METADATA, "name": "b"}}
    )
    with pytest.raises(AssertionError, match="denied the request"):
        kubectl("apply", "--server-side", "-f", "-", stdin=text)
