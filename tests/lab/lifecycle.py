"""Start the whole lab, and stop it so that nothing is left, whatever state it is in."""

import contextlib
import fcntl
import json
import shutil
import signal
from collections.abc import Iterator

from lab import abandoned, cgroups, commands, mountpoints, namespaces, pki, processes, steps
from lab.api import Api
from lab.errors import LabError
from lab.parts import containerd, control_plane, dns, gateway, kserve, node, prometheus
from lab.place import Place
from lab.report import Reporter
from lab.steps import Step
from lab.toolchain import build
from lab.toolchain.build import Toolbox

_TEXTS = {
    "api-server": "API server ready",
    "containerd": "containerd ready",
    "kubelet": "node Ready",
    "dns": "cluster DNS ready",
    "prometheus": "Prometheus ready",
    "kserve": "KServe accepts InferenceServices",
    "gateway": "the gateway answers",
}
_THREADS = 12


@contextlib.contextmanager
def locked(place: Place, report: Reporter) -> Iterator[None]:
    """Hold the lab's lock: only one command at a time starts or stops it."""
    place.folder.mkdir(parents=True, exist_ok=True)
    with (place.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.say("waiting for another lab command to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_up(place: Place) -> bool:
    """Tell whether a start was completed and every program runs or is held on purpose."""
    return (
        place.ready_marker.exists()
        and place.network_namespace.exists()
        and bool(processes.all_records(place))
        and not crashed_parts(place)
    )


def crashed_parts(place: Place) -> list[str]:
    """Return the parts that ended though nobody stopped them."""
    records = processes.all_records(place)
    return [r.part for r in records if not r.held and not processes.alive(r)]


def held_parts(place: Place) -> list[str]:
    """Return the parts that were stopped on purpose."""
    records = processes.all_records(place)
    return [r.part for r in records if r.held and not processes.alive(r)]


def up(place: Place, report: Reporter) -> None:
    """Start everything; the remains of a crashed start are removed first.

    If it fails or is interrupted, everything that was started is stopped.
    """
    toolbox = build.prepare(report)
    try:
        down(place)
        for other in abandoned.abandoned():
            report.say(f"removing {other.name}: its checkout is gone")
            down(other)
            abandoned.forget(other)
        abandoned.note(place)
        place.state.mkdir(parents=True, exist_ok=True)
        place.run.mkdir(parents=True, exist_ok=True)
        cgroups.create(place)
        namespaces.create(place)
        pki.create(place)
        _run_steps(place, toolbox, report)
        toolbox.finish()
        place.ready_marker.write_text(json.dumps(report.milestones, indent=1))
    except BaseException:
        report.say("stopping what was started")
        commands.cancel_all()
        toolbox.stop()
        commands.resume()
        down(place)
        raise


def down(place: Place) -> None:
    """Stop every program and remove namespaces, cgroups and state; harmless if nothing runs.

    Pods and programs are killed, not drained: all that they could write is
    deleted anyway. Only containerd, whose images are kept, is asked to end.
    A Ctrl-C has to wait, so that nothing is left half removed.
    """
    with _uninterrupted():
        _remove(place)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have this process and the helpers that it starts ignore Ctrl-C and SIGTERM."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove(place: Place) -> None:
    place.ready_marker.unlink(missing_ok=True)
    records = {record.part: record for record in processes.all_records(place)}
    # Whoever would start pods again goes first.
    for name in ("kubelet", "kube-controller-manager", "kube-scheduler"):
        if record := records.get(name):
            processes.stop(record, seconds=0)
    cgroups.kill(place, place.pods_cgroup)
    engine = records.get("containerd")
    if engine and processes.alive(engine):
        with contextlib.suppress(LabError):
            containerd.remove_containers(place)
        processes.stop(engine)
    cgroups.kill(place, place.parts_cgroup)
    cgroups.kill(place, place.pods_cgroup)
    namespaces.remove(place)
    cgroups.remove(place)
    for folder in (place.state, place.records, place.run):
        shutil.rmtree(folder, ignore_errors=True)
    place.kubeconfig.unlink(missing_ok=True)
    mountpoints.remove_unused()


def _run_steps(place: Place, tools: Toolbox, report: Reporter) -> None:
    clients: list[Api] = []

    def api_server() -> None:
        clients.append(control_plane.start_api_server(place, tools))

    plan = {
        "etcd": Step(lambda: control_plane.start_etcd(place)),
        "api-server": Step(api_server),
        "containerd": Step(lambda: containerd.start(place)),
        "controllers": Step(
            lambda: control_plane.start_controllers(place, tools), needs=("api-server",)
        ),
        "gateway-api": Step(
            lambda: gateway.install_gateway_api(tools, clients[0]), needs=("api-server",)
        ),
        "kserve-crds": Step(lambda: kserve.install_crds(tools, clients[0]), needs=("api-server",)),
        # After the others: KServe's start, the longest, waits for those.
        "envoy-crds": Step(
            lambda: gateway.install_envoy_crds(tools, clients[0]), needs=("gateway-api",)
        ),
        "kubelet": Step(
            lambda: node.start_kubelet(place, tools, clients[0]),
            needs=("api-server", "containerd"),
        ),
        "proxy": Step(lambda: node.start_proxy(place, tools), needs=("api-server",)),
        # KServe watches HTTPRoutes and looks only once whether they exist.
        "kserve": Step(
            lambda: kserve.start(place, tools, clients[0]), needs=("gateway-api", "kserve-crds")
        ),
        "gateway-certificates": Step(
            lambda: gateway.make_certificates(place, tools, clients[0]), needs=("api-server",)
        ),
        "gateway": Step(
            lambda: gateway.start(place, tools, clients[0]),
            needs=("gateway-api", "envoy-crds", "gateway-certificates"),
        ),
        "dns": Step(lambda: dns.start(place, tools, clients[0]), needs=("api-server",)),
        "prometheus": Step(
            lambda: prometheus.start(place, tools, clients[0]), needs=("api-server",)
        ),
    }

    def done(name: str) -> None:
        if name in _TEXTS:
            report.milestone(name, _TEXTS[name])

    executor = namespaces.executor(place, _THREADS)
    try:
        steps.run(plan, executor, done)
    except BaseException:
        # Whatever a step waits for, a program being built or an answer, will not come any more.
        commands.cancel_all()
        tools.stop()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
