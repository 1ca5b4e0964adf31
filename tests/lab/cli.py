"""The verbs of `python -m lab`."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from lab import lifecycle, namespaces, preflight, processes, status
from lab.errors import LabError
from lab.images import project
from lab.images.buildah import HOST_NETWORK
from lab.place import CHECKOUT, GATEWAY_URL, PROMETHEUS_URL, Place, place_of
from lab.report import Reporter
from lab.toolchain import programs


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb and return the exit code; a failure is one message, no traceback."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    place = place_of(CHECKOUT)
    try:
        result: int = options.do(place, options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    return result


def environment(place: Place) -> dict[str, str]:
    """Return what a command inside the lab finds in its environment."""
    tools = [str(programs.output_folder("cluster"))]
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        tools.insert(0, assets)
    return {
        **os.environ,
        "KUBECONFIG": str(place.kubeconfig),
        "LAB_DIR": str(place.folder),
        "LAB_GATEWAY_URL": GATEWAY_URL,
        "LAB_PROMETHEUS_URL": PROMETHEUS_URL,
        # The way out to the package registries, for builds started from inside.
        HOST_NETWORK: os.environ.get(HOST_NETWORK, f"/proc/{os.getpid()}/ns/net"),
        "NO_PROXY": "*",
        "no_proxy": "*",
        "PATH": os.pathsep.join([*tools, os.environ.get("PATH", "")]),
    }


def _up(place: Place, _: argparse.Namespace) -> int:
    report = Reporter()
    with lifecycle.locked(place, report):
        if lifecycle.is_up(place):
            report.say(f"{place.name} is {status.headline(place)} already")
        else:
            _start(place, report)
    print(f"Next: python -m lab run -- kubectl get pods -A    (logs: {place.logs})")
    return 0


def _start(place: Place, report: Reporter) -> None:
    if "LAB_DIR" in os.environ:
        # From in here no package registry can be reached, and a start would end the lab around us.
        raise LabError(
            f"{place.name} is {status.headline(place)}, and this command runs inside a lab."
            " Leave it, then: python -m lab up"
        )
    preflight.check_and_install(report)
    lifecycle.up(place, report)
    report.milestone("up", f"{place.name} is up")


def _down(place: Place, _: argparse.Namespace) -> int:
    report = Reporter()
    with lifecycle.locked(place, report):
        lifecycle.down(place)
    report.milestone("down", f"{place.name} is down")
    return 0


def _run(place: Place, options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise LabError("run: no command given. Write: python -m lab run -- COMMAND...")
    report = Reporter()
    ours = False
    try:
        with lifecycle.locked(place, report):
            ours = not lifecycle.is_up(place)
            if ours:
                _start(place, report)
        return _inside(place, command)
    finally:
        if ours:
            with lifecycle.locked(place, report):
                lifecycle.down(place)
                report.say(f"{place.name} is down")


def _inside(place: Place, command: Sequence[str]) -> int:
    """Run a command in the network namespace and return its exit code, 128 + N after signal N.

    A Ctrl-C is the command's to answer and is waited out: the terminal sends it
    to both. Without a terminal it is passed on, as is a SIGTERM.
    """
    argv = [*namespaces.inside(place), *command]
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with subprocess.Popen(argv, env=environment(place)) as process:

        def pass_on(number: int, _frame: object) -> None:
            if number != signal.SIGINT or not _at_terminal():
                process.send_signal(number)

        try:
            for number in before:
                signal.signal(number, pass_on)
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _at_terminal() -> bool:
    """Tell whether a Ctrl-C at the terminal reaches this process and what it started."""
    return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()


def _shell(place: Place, _: argparse.Namespace) -> int:
    if not lifecycle.is_up(place):
        raise LabError(f"{place.name} is not up. First: python -m lab up")
    return _inside(place, [os.environ.get("SHELL", "/bin/sh")])


def _logs(place: Place, options: argparse.Namespace) -> int:
    known = {file.stem: file for file in sorted(place.logs.glob("*.log"))}
    if options.part is None:
        print("\n".join(f"{name:26}{file}" for name, file in known.items()))
        return 0
    if options.part not in known:
        raise LabError(f"logs: no part {options.part}. There are: {', '.join(known) or 'none'}")
    return subprocess.run(["tail", "-n", "200", str(known[options.part])], check=False).returncode


def _status(place: Place, _: argparse.Namespace) -> int:
    return status.show(place)


def _stop(place: Place, options: argparse.Namespace) -> int:
    processes.hold(place, options.part)
    return 0


def _begin(place: Place, options: argparse.Namespace) -> int:
    processes.restart(place, options.part)
    return 0


def _image(place: Place, options: argparse.Namespace) -> int:
    if not lifecycle.is_up(place):
        raise LabError(f"{place.name} is not up. First: python -m lab up")
    report = Reporter()
    names = list(project.IMAGES) if options.name == "all" else [options.name]
    for name in names:
        project.build_and_import(place, project.IMAGES[name], report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="the local Kubernetes cluster")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, do, text in (
        ("up", _up, "start the cluster, building its programs the first time"),
        ("down", _down, "stop everything and delete its state; what was built is kept"),
        ("shell", _shell, "a shell inside the cluster's network"),
        ("status", _status, "what runs, with its memory"),
    ):
        verbs.add_parser(name, help=text).set_defaults(do=do)
    run = verbs.add_parser("run", help="run a command inside; starts the cluster if it is down")
    run.add_argument("command", nargs=argparse.REMAINDER)
    run.set_defaults(do=_run)
    logs = verbs.add_parser("logs", help="the last lines of a part's log, or the list of logs")
    logs.add_argument("part", nargs="?")
    logs.set_defaults(do=_logs)
    for name, change in (("stop", _stop), ("start", _begin)):
        verb = verbs.add_parser(name, help=f"{name} one part, to test a fault")
        verb.add_argument("part")
        verb.set_defaults(do=change)
    image = verbs.add_parser("image", help="build an image of this project and import it")
    image.add_argument("name", choices=[*project.IMAGES, "all"])
    image.set_defaults(do=_image)
    return parser


def _as_interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
