"""One real server process: answers, errors, and what each request adds to the metrics."""

import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.conftest import LAMP
from models.served import Server, command, running

pytestmark = pytest.mark.timeout(240)

V1 = "/v1/models/lamp:predict"
V2 = "/v2/models/lamp/infer"
BRIGHT = [[240, 250], [255, 255]]
DARK = [[0, 10], [5, 5]]
UNSURE = [[128, 128], [128, 128]]
FAILING = [[13, 0], [0, 0]]
SLOW = [[21, 0], [0, 0]]


def v2(data: object, shape: list[int], datatype: str = "FP32", name: str = "image") -> object:
    return {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}


def test_v1_answers_each_instance(lamp: Server) -> None:
    answer = lamp.ask(V1, {"instances": [BRIGHT, DARK, UNSURE]})
    predictions = json.loads(answer.body)["predictions"]
    assert answer.status == 200
    assert [p["class"] for p in predictions] == ["bright", "dark", None]
    assert predictions[0]["confidence"] == pytest.approx(250 / 255)


def test_v2_answers_two_tensors_and_empty_text_for_null(lamp: Server) -> None:
    answer = lamp.ask(V2, v2([BRIGHT, UNSURE], [2, 2, 2]))
    outputs = {o["name"]: o for o in json.loads(answer.body)["outputs"]}
    assert answer.status == 200
    assert (outputs["class"]["shape"], outputs["class"]["data"]) == ([2], ["bright", ""])
    assert outputs["confidence"]["data"] == pytest.approx([250 / 255, 128 / 255])


def test_v2_metadata_names_the_tensors(lamp: Server) -> None:
    metadata = json.loads(lamp.ask("/v2/models/lamp").body)
    assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 2, 2]}]
    assert [output["name"] for output in metadata["outputs"]] == ["class", "confidence"]


def counted(mode: str, code_class: str, **more: float) -> dict[str, float]:
    return {
        f'inference_requests_total{{code_class="{code_class}",mode="{mode}"}}': 1,
        f'inference_request_duration_seconds_count{{mode="{mode}"}}': 1,
        f'inference_input_bytes_count{{mode="{mode}"}}': 1,
        **more,
    }


def inputs(mode: str, count: int) -> dict[str, float]:
    return {
        f'inference_input_brightness_ratio_count{{mode="{mode}"}}': count,
        f'inference_input_contrast_ratio_count{{mode="{mode}"}}': count,
    }


def predictions(mode: str, count: int, **classes: int) -> dict[str, float]:
    by_class: dict[str, float] = {
        f'inference_predictions_total{{class="{label}",mode="{mode}"}}': count
        for label, count in classes.items()
    }
    confidence = {f'inference_prediction_confidence_ratio_count{{mode="{mode}"}}': count}
    nulls = classes.get("null")
    empty = {f'inference_empty_predictions_total{{mode="{mode}"}}': nulls} if nulls else {}
    return inputs(mode, count) | by_class | confidence | empty


@pytest.mark.parametrize(
    ("expected", "path", "body"),
    [
        pytest.param(
            counted("live", "2xx") | predictions("live", 3, bright=1, dark=1, null=1),
            V1,
            {"instances": [BRIGHT, DARK, UNSURE]},
            id="a v1 answer counts each instance",
        ),
        pytest.param(
            counted("live", "2xx") | predictions("live", 1, null=1),
            V2,
            v2(UNSURE, [1, 2, 2]),
            id="a v2 answer counts the same",
        ),
        pytest.param(
            counted("live", "5xx") | inputs("live", 1),
            V1,
            {"instances": [FAILING]},
            id="a model that raises counts its input but no prediction",
        ),
        pytest.param(
            counted("live", "4xx")
            | {'inference_input_invalid_total{mode="live",reason="missing"}': 1}
            | {'inference_input_missing_total{feature="image",mode="live"}': 1},
            V1,
            {"instances": [[[1, None], [1, 1]]]},
            id="a missing value is refused and counted as missing",
        ),
        pytest.param(
            counted("live", "4xx"),
            "/v1/models/other:predict",
            {"instances": [BRIGHT]},
            id="an unknown model is the client's mistake",
        ),
        pytest.param(
            counted("live", "4xx")
            | inputs("live", 1)
            | {'inference_input_invalid_total{mode="live",reason="malformed"}': 1},
            "/v1/models/lamp:explain",
            {"instances": [BRIGHT]},
            id="explain is refused, not a server error",
        ),
        pytest.param({}, "/v2/models/lamp/versions/1/infer", v2(BRIGHT, [1, 2, 2]), id="versions"),
        pytest.param({}, "/", None, id="liveness"),
        pytest.param({}, "/v2/health/ready", None, id="readiness"),
        pytest.param({}, "/v1/models/lamp", None, id="model readiness"),
        pytest.param({}, "/v1/nowhere", None, id="any other path"),
    ],
)
def test_a_request_counts(
    lamp: Server, expected: dict[str, float], path: str, body: object
) -> None:
    before = lamp.scrape()
    lamp.ask(path, body)
    assert lamp.changes(before) == expected


@pytest.mark.parametrize(
    ("mode", "headers"),
    [
        ("live", {}),
        ("live", {"x-sluice-mode": "whatever"}),
        ("live", {"host": "my-shadow.example.com"}),
        ("mirror", {"host": "digits.example.com-shadow"}),
        ("mirror", {"host": "digits.example.com-shadow:8000"}),
        ("mirror", {"x-sluice-mode": "mirror"}),
        ("mirror", {"x-sluice-mirrored-to": "lamp-1a2b"}),
        ("live", {"x-sluice-mirrored-to": "lamp-9z9z"}),
        ("mirror", {"x-sluice-mode": "probe", "host": "digits-shadow"}),
        ("probe", {"x-sluice-mode": "probe"}),
    ],
)
def test_the_headers_tell_the_mode(lamp: Server, mode: str, headers: dict[str, str]) -> None:
    before = lamp.scrape()
    lamp.ask(V1, {"instances": [BRIGHT]}, headers)
    assert lamp.changes(before) == counted(mode, "2xx") | predictions(mode, 1, bright=1)


@pytest.mark.parametrize(
    ("reason", "says", "path", "body"),
    [
        ("malformed", "Unrecognized request format", V1, b'{"instances"'),
        ("malformed", "instances: must be a list", V1, {"instances": 3}),
        ("malformed", "instances: must be a list", V1, [1]),
        ("count", "instances: must hold 1 to 4 instances, holds 0", V1, {"instances": []}),
        ("count", "holds 5", V1, {"instances": [DARK] * 5}),
        ("shape", "instances[1]: must hold 2, holds 1", V1, {"instances": [DARK, [[1, 2]]]}),
        ("shape", "instances[0][1]: must be a list of 2", V1, {"instances": [[[1, 2], 3]]}),
        ("type", "[0][0][1]: must be a number, is a str", V1, {"instances": [[[1, "2"], [3, 4]]]}),
        ("type", "must be a number, is a bool", V1, {"instances": [[[True, True], [True, True]]]}),
        ("missing", "instances[0][0][1]: is null", V1, {"instances": [[[1, None], [3, 4]]]}),
        ("range", "instances[0][1][1]: must be 0 to 255", V1, {"instances": [[[1, 2], [3, 400]]]}),
        ("malformed", "must hold a tensor named 'image'", V2, v2(DARK, [1, 2, 2], name="x")),
        ("shape", "inputs[image].shape: must be [n, 2, 2], is [4]", V2, v2([1, 2, 3, 4], [4])),
        ("shape", "inputs[image]: data does not fit", V2, v2([1, 2, 3], [1, 2, 2])),
        ("type", "inputs[image].datatype", V2, v2([True, False, True, True], [1, 2, 2], "BOOL")),
        ("missing", "inputs[image][0][0][1]: must not be NaN", V2, v2([1, None, 3, 4], [1, 2, 2])),
        ("range", "inputs[image][0][1][1]", V2, v2([1, 2, 3, -4], [1, 2, 2], "INT32")),
        ("malformed", "inputs", V2, {"inputs": 3}),
        ("malformed", "JSON", V2, b'{"inputs"'),
    ],
)  # fmt: skip
def test_a_bad_request_is_told_which_field_and_why(
    lamp: Server, reason: str, says: str, path: str, body: object
) -> None:
    before = lamp.scrape()
    answer = lamp.ask(path, body)
    changed = lamp.changes(before)
    assert answer.status in {400, 422}
    assert says in answer.body.decode()
    assert changed[f'inference_input_invalid_total{{mode="live",reason="{reason}"}}'] == 1
    assert changed['inference_requests_total{code_class="4xx",mode="live"}'] == 1


def test_what_cannot_be_decoded_is_not_a_server_error(lamp: Server) -> None:
    """kserve raises a plain ValueError or KeyError on these."""
    before = lamp.scrape()
    binary = {"inference-header-content-length": "many", "content-type": "application/octet-stream"}
    assert lamp.ask(V2, b"\0\1", binary).status == 400
    binary["inference-header-content-length"] = "2"
    assert lamp.ask(V2, b"{}", binary).status == 400
    assert lamp.changes(before)['inference_requests_total{code_class="4xx",mode="live"}'] == 2


def test_json_with_a_charset_is_json(lamp: Server) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    assert lamp.ask(V1, {"instances": [DARK]}, headers).status == 200
    refused = lamp.ask(V1, b"{", headers)
    assert (refused.status, refused.json()) == (400, {"error": "body: is not JSON."})


@pytest.mark.parametrize(
    ("status", "path", "body"),
    [
        (200, V1, {"instances": [DARK]}),
        (500, V1, {"instances": [FAILING]}),
        (400, V1, {"instances": [1]}),
        (404, "/v1/models/other:predict", {"instances": [DARK]}),
        (404, "/nowhere", None),
        (200, "/metrics", None),
        (403, "/v2/repository/models/lamp/unload", {}),
    ],
)
def test_every_answer_names_the_revision(
    lamp: Server, status: int, path: str, body: object
) -> None:
    answer = lamp.ask(path, body)
    assert (answer.status, answer.headers["x-model-revision"]) == (status, "lamp-1a2b")


def test_a_gate_reads_zero_before_the_first_request(lamp_folder: Path, tmp_path: Path) -> None:
    with running([LAMP], lamp_folder, tmp_path / "log", name="lamp") as server:
        first = server.scrape()
    info = [series for series, value in first.items() if series.startswith("inference_model_info")]
    assert len(info) == 1
    nonzero = {series.split("{")[0] for series, value in first.items() if value != 0}
    assert nonzero == {"inference_model_info", "inference_model_load_seconds"}
    for mode in ("live", "mirror", "probe"):
        expected = counted(mode, "5xx") | counted(mode, "4xx") | counted(mode, "2xx")
        expected |= predictions(mode, 1, bright=1, dark=1, null=1)
        assert expected.keys() <= first.keys()


def test_values_land_in_the_right_buckets(lamp: Server) -> None:
    before = lamp.scrape()
    body = json.dumps({"instances": [UNSURE]}).encode()
    lamp.ask(V1, body)
    after = lamp.scrape()
    grew = {series for series, value in after.items() if value > before[series]}

    def grown(name: str, le: str) -> bool:
        return f'inference_{name}_bucket{{le="{le}",mode="live"}}' in grew

    assert (
        grown("prediction_confidence_ratio", "0.4"),
        grown("prediction_confidence_ratio", "0.6"),
    ) == (False, True)
    assert (grown("input_brightness_ratio", "0.5"), grown("input_brightness_ratio", "0.55")) == (
        False,
        True,
    )
    assert grown("input_contrast_ratio", "0.05")
    sent = 'inference_input_bytes_sum{mode="live"}'
    assert after[sent] - before[sent] == len(body)


def test_kserves_own_metrics_are_there_too(lamp: Server) -> None:
    lamp.ask(V1, {"instances": [DARK]})
    assert b'request_predict_seconds_count{model_name="lamp"}' in lamp.ask("/metrics").body


def test_model_info_says_where_the_model_came_from(lamp: Server) -> None:
    (info,) = [series for series in lamp.scrape() if series.startswith("inference_model_info")]
    assert 'image_digest="sha256:image"' in info
    assert 'train_data_digest="sha256:data"' in info
    assert 'framework="lamp 1"' in info


def test_a_slow_prediction_blocks_nobody(lamp: Server) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lamp.ask, V1, {"instances": [SLOW]})
        time.sleep(0.5)
        began = time.monotonic()
        assert lamp.ask("/v1/models/lamp").status == 200
        assert lamp.ask(V1, {"instances": [DARK]}).status == 200
        assert lamp.scrape()["inference_in_flight_requests{}"] == 1
        assert time.monotonic() - began < 0.8
        assert slow.result().status == 200
    assert lamp.scrape()["inference_in_flight_requests{}"] == 0


def test_a_request_too_many_is_refused(lamp_folder: Path, tmp_path: Path) -> None:
    environment = {"SLUICE_MAX_IN_FLIGHT": "1"}
    with (
        running(
            [LAMP], lamp_folder, tmp_path / "log", name="lamp", environment=environment
        ) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(server.ask, V1, {"instances": [SLOW]})
        time.sleep(0.5)
        assert server.ask(V1, {"instances": [DARK]}).status == 503
        assert slow.result().status == 200
        requests = server.scrape()
    assert requests['inference_requests_total{code_class="5xx",mode="live"}'] == 1
    assert requests['inference_requests_total{code_class="2xx",mode="live"}'] == 1


def test_sigterm_lets_requests_in_flight_finish(lamp_folder: Path, tmp_path: Path) -> None:
    with (
        running([LAMP], lamp_folder, tmp_path / "log", name="lamp") as server,
        ThreadPoolExecutor(3) as pool,
    ):
        slow = [pool.submit(server.ask, V1, {"instances": [SLOW]}) for _ in range(3)]
        time.sleep(0.5)
        assert server.terminate() == 0
        assert [answer.result().status for answer in slow] == [200, 200, 200]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_that_cannot_be_loaded_ends_the_server(tmp_path: Path, workers: int) -> None:
    ended = subprocess.run(
        command([LAMP], tmp_path, "lamp", workers),
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert f"{tmp_path}: the model cannot be loaded" in ended.stderr
    assert "threshold.txt" in ended.stderr


def test_no_log_line_holds_a_payload(lamp: Server) -> None:
    secret = 123.456789
    for body in (
        {"instances": [[[13, secret], [0, 0]]]},
        {"instances": [[[0, "123.456789"], [0, 0]]]},
    ):
        assert lamp.ask(V1, body).status in {400, 500}
    lamp.ask(V2, v2([1, "123.456789"], [1, 2, 2]))
    logged = lamp.log.read_text()
    assert "predict failed: LookupError" in logged
    assert "123.456" not in logged


def test_threads_of_one_server_count_every_request(lamp: Server) -> None:
    before = lamp.scrape()
    barrier = threading.Barrier(8)

    def ask(_: int) -> int:
        barrier.wait()
        return [lamp.ask(V1, {"instances": [DARK]}).status for _ in range(10)].count(200)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 80
    assert lamp.changes(before)['inference_requests_total{code_class="2xx",mode="live"}'] == 80
