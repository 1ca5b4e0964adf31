"""Texts of `sluice status` and `sluice explain`."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sluice.api.reasons import ConditionType, Outcome, StageKind, Verdict
from sluice.api.status import ModelRevisionStatus, Reading
from sluice.cli.fetch import View

_COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.WAIT: "yellow",
    Verdict.NO_DATA: "yellow",
    Verdict.BROKEN: "magenta",
}


def status(console: Console, view: View) -> None:
    """Print where the rollout stands, its gates, and the next command."""
    console.print(f"[bold]{view.name}[/bold]: {escape(headline(view))}")
    refused = _condition(view, ConditionType.ACCEPTED)
    if refused:
        console.print(f"[red]spec refused[/red]: {escape(refused)}")
    if view.status.gates:
        console.print(gates_table(view.status.gates))
    console.print(f"Next: sluice explain {view.name} -n {view.namespace}", style="dim")


def headline(view: View) -> str:
    """Return the answer in one line."""
    stage, candidate, stable = view.status.stage, view.status.candidate, view.status.stable
    if stage is None:
        return view.status.message or "not looked at yet: is the operator running?"
    match stage.kind:
        case StageKind.STABLE:
            return f"{stage.revision} serves all requests"
        case StageKind.ROLLED_BACK | StageKind.ROLLING_BACK:
            back = f"; {stable.revision} serves" if stable else ""
            return f"rolled back{back}. {stage.message}"
        case _:
            share = f"{candidate.weight_percent} %" if candidate else "no traffic"
            if candidate and candidate.mirror_percent:
                share = f"copies of {candidate.mirror_percent} %"
            return f"{stage.revision} in {stage.name}, {share}: {view.status.message}"


def _condition(view: View, kind: ConditionType) -> str | None:
    return next(
        (c.message for c in view.status.conditions if c.type is kind and c.status == "False"), None
    )


def gates_table(readings: tuple[Reading, ...]) -> Table:
    """Return the gates as a table without lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for heading in ("gate", "verdict", "value", "bound", "samples", ""):
        table.add_column(heading, style="" if heading else "dim")
    for r in readings:
        colour = _COLOURS[r.verdict]
        watch = " (watched)" if r.role == "Watch" else ""
        table.add_row(
            r.name + watch,
            f"[{colour}]{r.verdict}[/{colour}]",
            r.value or "-",
            r.bound,
            "-" if r.samples is None else str(r.samples),
            escape(r.message),
        )
    return table


def explain(console: Console, view: View, name: str | None) -> None:
    """Print the story of one revision, the newest by default."""
    if not view.revisions:
        console.print(f"{view.name} has no revision yet.")
        return
    chosen = name or list(view.revisions)[-1]
    revision = view.revisions[chosen]
    _verdict_line(console, chosen, revision.status)
    console.print()
    for entry in revision.status.timeline:
        share = f"{entry.weight_percent:>3} %"
        if entry.mirror_percent:
            share = f"copies of {entry.mirror_percent} %"
        when = f"{entry.time:%H:%M:%S}"
        console.print(f"  {when}  [bold]{entry.stage}[/bold] ({share})  {escape(entry.message)}")
    readings = revision.status.gates
    live = view.status.stage
    if live is not None and live.revision == chosen and view.status.gates:
        readings = view.status.gates
    if readings:
        console.print()
        console.print(gates_table(readings))
    if revision.status.decided_by:
        console.print(f"\nAsked: {escape(revision.status.decided_by.query)}")
    others = [r for r in view.revisions if r != chosen]
    if others:
        console.print(
            f"\nNext: sluice explain {view.name} -n {view.namespace} --revision {others[-1]}",
            style="dim",
        )


def _verdict_line(console: Console, name: str, status: ModelRevisionStatus) -> None:
    colour = {Outcome.STABLE: "green", Outcome.ROLLED_BACK: "red"}.get(status.outcome, "bold")
    console.print(
        f"[bold]{name}[/bold]: [{colour}]{status.outcome}[/{colour}]"
        + (f" ({status.reason})" if status.reason else "")
        + (f": {escape(status.message)}" if status.message else "")
    )
