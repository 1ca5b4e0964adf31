"""The picture of a demo: weights, users' answers and gates over time.

One drawing, saved as PNG and as SVG inside one HTML page that needs nothing else.
"""

import html
import io
import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.demo.report import ROLLED_BACK, Recording, Report, spans
from lab.demo.screen import COLUMNS, cells
from lab.demo.traffic import Answer, Outcome
from lab.demo.watch import Look

COLOURS = ("#4477aa", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#66ccee")
OUTCOME_COLOURS = {
    Outcome.CORRECT: "#bbccdd",
    Outcome.WRONG: "#ccbb44",
    Outcome.NULL: "#aa3377",
    Outcome.FAILED: "#cc3311",
}
BIN_SECONDS = 1.0
LABEL_BOX = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}


def draw(recording: Recording) -> Figure:
    """Return the figure: shares, answers a second, then one strip for each gate."""
    gates = sorted({gate.name for look in recording.looks for gate in look.gates})
    heights = [2.2, 1.6, *[0.9] * len(gates)]
    figure = Figure(figsize=(11, 1.2 + sum(heights)), layout="constrained")
    axes = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    start = recording.rollouts[0].applied_at if recording.rollouts else recording.looks[0].time
    _draw_shares(axes[0], recording.looks, start)
    _draw_ends(axes[0], recording.looks, start)
    _draw_answers(axes[1], recording.answers, start)
    for axis, name in zip(axes[2:], gates, strict=True):
        _draw_gate(axis, name, recording, start)
    for axis in axes:
        _mark_rollouts(axis, recording, start, labelled=axis is axes[0])
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.01)
    axes[-1].set_xlabel("seconds since v1 was applied")
    return figure


def _versions(looks: Sequence[Look]) -> dict[str, str]:
    """Return revision name -> version, ordered by version."""
    found = {known.name: known.version for look in looks for known in look.revisions}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def _draw_shares(axis: Axes, looks: Sequence[Look], start: float) -> None:
    times = [look.time - start for look in looks]
    versions = _versions(looks)
    shares = [[dict(look.route.weights).get(name, 0.0) for look in looks] for name in versions]
    if versions:
        axis.stackplot(
            times, shares, labels=list(versions.values()), colors=COLOURS, alpha=0.85, step="post"
        )
    for (name, version), colour in zip(versions.items(), COLOURS, strict=False):
        mirrored = [look for look in looks if name in dict(look.route.mirrors)]
        for begin, end in spans(looks, name, live_only=False) if mirrored else []:
            share = max(dict(look.route.mirrors).get(name, 0.0) for look in mirrored)
            last = min(end, _first_live(looks, name, end)) - start
            axis.fill_between(
                [begin - start, last],
                share,
                facecolor="none",
                edgecolor=colour,
                hatch="///",
                linewidth=0,
            )
            axis.annotate(
                f"copies to {version}", (begin - start, 8), fontsize=8, rotation=90
            ).set_bbox(LABEL_BOX)
    axis.set_ylim(0, 104)
    axis.set_ylabel("share of\nanswers, %")
    if versions:
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _draw_ends(axis: Axes, looks: Sequence[Look], start: float) -> None:
    """Mark when a revision was thrown out, and by which gate."""
    seen: set[str] = set()
    for look in looks:
        for revision in look.revisions:
            if revision.outcome != ROLLED_BACK or revision.name in seen:
                continue
            seen.add(revision.name)
            gate = revision.decision
            why = f": {gate.gate} {gate.value:.2g}" if gate and gate.value is not None else ""
            axis.axvline(look.time - start, color="#cc3311", linewidth=1.5)
            axis.annotate(
                f"{revision.version} out{why}",
                (look.time - start, 8),
                xytext=(3, 0),
                textcoords="offset points",
                fontsize=8,
                rotation=90,
                color="#cc3311",
            ).set_bbox(LABEL_BOX)


def _first_live(looks: Sequence[Look], name: str, otherwise: float) -> float:
    """Return when the revision first answered users, or `otherwise`."""
    live = spans(looks, name, live_only=True)
    return live[0][0] if live else otherwise


def per_second(
    answers: Sequence[Answer], start: float
) -> tuple[list[float], dict[Outcome, list[float]]]:
    """Return the left edges of BIN_SECONDS bins (since `start`) and rates for each outcome."""
    shown = [answer for answer in answers if answer.outcome in OUTCOME_COLOURS]
    if not shown:
        return [], {}
    bins = [int((answer.sent_at - start) // BIN_SECONDS) for answer in shown]
    first, last = min(bins), max(bins)
    edges = [index * BIN_SECONDS for index in range(first, last + 1)]
    rates = {outcome: [0.0] * len(edges) for outcome in OUTCOME_COLOURS}
    for answer, index in zip(shown, bins, strict=True):
        rates[answer.outcome][index - first] += 1 / BIN_SECONDS
    return edges, rates


def _draw_answers(axis: Axes, answers: Sequence[Answer], start: float) -> None:
    edges, rates = per_second(answers, start)
    floor = [0.0] * len(edges)
    # The rare and bad ones stand on the ground, where they are seen.
    for outcome in reversed(OUTCOME_COLOURS):
        if edges and any(rates[outcome]):
            axis.bar(
                edges,
                rates[outcome],
                BIN_SECONDS,
                bottom=floor,
                align="edge",
                color=OUTCOME_COLOURS[outcome],
                label=str(outcome),
            )
            floor = [low + high for low, high in zip(floor, rates[outcome], strict=True)]
    axis.set_ylabel("users'\nanswers / s")
    if edges:
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _draw_gate(axis: Axes, name: str, recording: Recording, start: float) -> None:
    limits: set[float] = set()
    for (revision, _), colour in zip(_versions(recording.looks).items(), COLOURS, strict=False):
        points = []
        for look in recording.looks:
            gate = next((gate for gate in look.gates if gate.name == name), None)
            if gate is None or gate.value is None or look.candidate != revision:
                continue
            points.append((look.time - start, gate.value))
            limits.update(gate.limits())
        if points:
            axis.plot(*zip(*points, strict=True), ".", color=colour, markersize=4)
    for limit in limits:
        axis.axhline(limit, color="#cc3311", linewidth=1)
    axis.set_ylabel(name, rotation=0, ha="right", va="center")


def _mark_rollouts(axis: Axes, recording: Recording, start: float, *, labelled: bool) -> None:
    for rollout in recording.rollouts:
        axis.axvline(rollout.applied_at - start, color="black", linewidth=0.8, linestyle=":")
        if labelled:
            axis.annotate(
                f" {rollout.version} applied",
                (rollout.applied_at - start, 104),
                fontsize=8,
                annotation_clip=False,
            )


def inline_svg(figure: Figure) -> str:
    """Return the figure as an <svg> element without XML prolog, doctype or metadata."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sluice"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice demo</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }}
svg {{ width: 100%; height: auto }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: .9rem }}
th, td {{ text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #ddd }}
dt {{ font-weight: 600 }}
</style>
<h1>Four versions of one model</h1>
<p>{summary}</p>
<div class="scroll">{table}</div>
<figure role="img" aria-label="Shares, answers and gates over time">{svg}</figure>
<p>Dashed: copies of requests whose answers are dropped. Red lines: the gates' bounds.
Dots: a gate's value for the candidate, in the candidate's colour.</p>
<h2>How it was measured</h2>
<dl>{definitions}</dl>
<p>{versions}</p>
</html>
"""


def page(report: Report, svg: str) -> str:
    """Return the HTML page; everything it shows is inside it."""
    document = report.as_json()
    head = "".join(f"<th>{html.escape(column)}</th>" for column in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(row)) + "</tr>"
        for row in report.rows
    )
    wrong = "; ".join(document["problems"])
    totals = ", ".join(f"{number} {name}" for name, number in report.requests.items())
    return PAGE.format(
        summary=html.escape(wrong or f"All went as it should. Requests: {totals}."),
        table=f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>",
        svg=svg,
        definitions="".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>"
            for name, text in document["definitions"].items()
        ),
        versions=html.escape(", ".join(f"{k} {v}" for k, v in report.versions.items())),
    )


def save(recording: Recording, report: Report, folder: Path) -> tuple[Path, Path]:
    """Write picture.png and index.html into `folder`; return their paths."""
    figure = draw(recording)
    png, web = folder / "picture.png", folder / "index.html"
    figure.savefig(png, dpi=110)
    web.write_text(page(report, inline_svg(figure)), encoding="utf-8")
    return png, web
