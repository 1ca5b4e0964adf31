"""The demo as it is seen: a live panel on a terminal, one line for each event elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lab.demo import words
from lab.demo.report import Report, Row
from lab.demo.traffic import Answer, Outcome
from lab.demo.watch import Gate, Look

QUIET_SECONDS = 15.0
BAR_WIDTH = 50
LOG_WIDTH = 130
VERDICT_STYLES = {"Pass": "green", "Fail": "bold red", "Wait": "yellow"}


class Screen:
    """Says what happens; give it each look and each answer as they come."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = max(self.console.width, LOG_WIDTH)
        self._began = time.monotonic()
        self._said_at = self._began
        self._before: Look | None = None
        self._counts = dict.fromkeys(Outcome, 0)
        self._live = Live(console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def say(self, sentence: str, style: str = "") -> None:
        """Print one line with the minutes since the start."""
        self._said_at = time.monotonic()
        minutes, seconds = divmod(int(self._said_at - self._began), 60)
        line = Text(f"{minutes}:{seconds:02}  ", style="dim")
        self.console.print(line.append(sentence, style=style))

    def step(self, sentence: str) -> None:
        """Print what the script does next."""
        self.say(sentence, style="bold")

    def answered(self, answer: Answer) -> None:
        """Count one answer."""
        self._counts[answer.outcome] += 1

    def looked(self, look: Look) -> None:
        """Say what is new in a look, and show all of it on a terminal."""
        for sentence in words.sentences(self._before, look):
            self.say(sentence, style="red" if "rolled back" in sentence else "")
        self._before = look
        if self.console.is_terminal:
            self._live.update(self._panel(look))
        elif time.monotonic() - self._said_at > QUIET_SECONDS:
            self.say(f"{look.message or look.kind}  [{self._counted()}]")

    def _counted(self) -> str:
        shown = [f"{number} {name}" for name, number in self._counts.items() if number]
        return "answers: " + (", ".join(shown) or "none yet")

    def _panel(self, look: Look) -> Group:
        return Group(
            Text(""),
            Text(words.stage_sentence(look) if look.kind else "", style="bold"),
            Text(look.message, style="dim"),
            _weights(look),
            _gates(look.gates),
            Text(self._counted()),
        )

    def table(self, report: Report) -> None:
        """Print the report's table and totals."""
        self.console.print(_table(report.rows))
        totals = ", ".join(f"{number} {name}" for name, number in report.requests.items())
        self.console.print(f"Requests: {totals}.")


def _weights(look: Look) -> Text:
    bar = Text()
    for (name, share), colour in zip(
        look.route.weights, ("blue", "green", "magenta"), strict=False
    ):
        bar.append("█" * max(1, round(share * BAR_WIDTH / 100)), style=colour)
        bar.append(f" {look.version_of(name)} {words.percent(share)} ")
    for name, share in look.route.mirrors:
        bar.append(f" + copies to {look.version_of(name)} {words.percent(share)}", style="cyan")
    return bar


def _gates(gates: tuple[Gate, ...]) -> Table:
    table = Table("gate", "verdict", "value", "must be", "samples", box=None, pad_edge=False)
    for gate in gates:
        table.add_row(
            gate.name,
            Text(gate.verdict, style=VERDICT_STYLES.get(gate.verdict, "dim")),
            "" if gate.value is None else f"{gate.value:.3g}",
            gate.bound,
            str(gate.samples),
        )
    return table


COLUMNS = (
    "revision",
    "outcome",
    "deciding gate",
    "value",
    "must be",
    "samples",
    "stage",
    "s to restore",
    "failed",
    "wrong",
    "of answers",
)


def cells(row: Row) -> tuple[str, ...]:
    """Return a row of the table as text, in the order of COLUMNS."""
    return (
        row.revision,
        row.outcome,
        row.gate or "-",
        "-" if row.value is None else f"{row.value:.3g}",
        row.bound or "-",
        "-" if row.samples is None else str(row.samples),
        row.stage or "-",
        "-" if row.seconds_to_restore is None else f"{row.seconds_to_restore:.1f}",
        str(row.failed_requests),
        str(row.wrong_answers),
        str(row.answers),
    )


def _table(rows: tuple[Row, ...]) -> Table:
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*cells(row))
    return table
