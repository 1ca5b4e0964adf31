"""The verbs, and the exit codes: 0 done, 1 the answer is no, 2 usage, 3 cannot reach."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sluice.api.schema import crds as all_crds
from sluice.cli import fetch, render
from sluice.errors import ClusterRefused, InvalidSpec, SluiceError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Progressive delivery of machine-learning models on Kubernetes.",
)

UNREACHABLE = 3
USAGE = 2

Name = Annotated[str, typer.Argument(help="Name of the ModelDeployment.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; the kubeconfig's by default.")
]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="`json` is for machines.")]


def main() -> None:
    """Run the command; a user's mistake never shows a traceback."""
    try:
        app()
    except SluiceError as error:
        print(f"sluice: {error}", file=sys.stderr)  # noqa: T201 - a command line
        sys.exit(UNREACHABLE if not isinstance(error, InvalidSpec) else USAGE)


@app.command()
def status(
    name: Name, namespace: Namespace = None, context: Context = None, output: Output = Format.TEXT
) -> None:
    """Say where a rollout stands. Exit code 1 if the wanted revision was rolled back."""
    view = _run(fetch.view(name, namespace, context))
    if output is Format.JSON:
        print(view.status.model_dump_json(by_alias=True, exclude_none=True, indent=2))  # noqa: T201
    else:
        render.status(_console(), view)
    raise typer.Exit(1 if view.rolled_back else 0)


@app.command()
def explain(
    name: Name,
    namespace: Namespace = None,
    context: Context = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", help="ModelRevision; the newest by default.", metavar="NAME"),
    ] = None,
) -> None:
    """Tell the story of a revision: each stage, each gate, and why it ended as it did."""
    view = _run(fetch.view(name, namespace, context))
    if revision is not None and revision not in view.revisions:
        known = ", ".join(view.revisions) or "none"
        raise ClusterRefused(f"{name} has no revision {revision}. It has: {known}")
    render.explain(_console(), view, revision)


@app.command()
def crds(
    directory: Annotated[Path, typer.Argument(help="Folder to write the CRDs into.")],
) -> None:
    """Write the CustomResourceDefinitions as YAML, one file each."""
    import yaml

    directory.mkdir(parents=True, exist_ok=True)
    for file_name, crd in all_crds().items():
        text = yaml.safe_dump(crd, sort_keys=False, width=100)
        (directory / file_name).write_text(text, encoding="utf-8")


@app.command()
def operator() -> None:
    """Run the operator in this process. Settings come from SLUICE_* environment variables."""
    from sluice.runtime.process import run
    from sluice.runtime.settings import read_settings

    raise typer.Exit(run(read_settings()))


def _run(answer: Coroutine[Any, Any, fetch.View]) -> fetch.View:
    return asyncio.run(answer)


def _console() -> Console:
    """Return a console that colours a terminal alone and never breaks a line in a pipe."""
    wide = None if sys.stdout.isatty() else 200
    return Console(width=wide, highlight=False, soft_wrap=True)
