"""PromQL by its syntax tree: what a gate asks is parsed, given its arm, and printed again.

Text is never pasted into text, so that no value can change a question, and each
series in it gets the namespace and the revision: no tenant reads another's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import promql_parser as pql

RESERVED_LABELS = frozenset({"namespace", "revision"})
"""Labels of the scrape target that tell the arms apart; only Sluice matches on them."""


class BadPromQL(ValueError):  # noqa: N818 - a leaf that api.parse turns into a FieldError
    """The text is no PromQL that a gate can use; the message says why and what to do."""


def selector(text: str, labels: Mapping[str, str], suffix: str = "") -> str:
    """Return the plain series `text`, its name + `suffix`, matched on `labels` as well.

    Raises: BadPromQL if `text` is not one named series without range or offset.
    """
    node = _parsed(text)
    if not isinstance(node, pql.VectorSelector):
        raise BadPromQL(f'must be a plain series such as requests_total{{code="500"}}, got: {text}')
    return _series(node, labels, suffix)


def metric_name(text: str) -> str:
    """Return the metric name of the plain series `text`."""
    node = _parsed(text)
    return str(node.name) if isinstance(node, pql.VectorSelector) else ""


def expression(text: str, labels: Mapping[str, str]) -> str:
    """Return `text` with every series in it matched on `labels` as well.

    Raises: BadPromQL if it does not parse, or names no series.
    """
    root = _parsed(text)
    if not _series_of(root):
        raise BadPromQL(f"names no series, so it says the same of every revision: {text}")

    def visit(node: pql.Expr) -> pql.Expr | None:
        if isinstance(node, pql.VectorSelector):
            return pql.parse(_series(node, labels))
        return None

    # Bottom up, so that a replaced series is not visited again.
    return str(pql.transform(root, None, visit).prettify())


def first_series(text: str) -> str:
    """Return the first series that the expression `text` names, without range.

    Raises: BadPromQL if it does not parse, or names no series.
    """
    series = _series_of(_parsed(text))
    if not series:
        raise BadPromQL(f"names no series: {text}")
    return _series(series[0], {})


def _parsed(text: str) -> pql.Expr:
    try:
        return pql.parse(text)
    except ValueError as error:
        raise BadPromQL(f"is not PromQL: {error}") from error


def _series_of(root: pql.Expr) -> list[pql.VectorSelector]:
    found: list[pql.VectorSelector] = []

    def visit(node: pql.Expr) -> None:
        if isinstance(node, pql.VectorSelector):
            found.append(node)

    pql.walk(root, visit)
    return found


def _operator(op: pql.MatchOp) -> str:
    match op:
        case pql.MatchOp.Equal:
            return "="
        case pql.MatchOp.NotEqual:
            return "!="
        case pql.MatchOp.Re:
            return "=~"
        case _:
            return "!~"


def _series(node: pql.VectorSelector, labels: Mapping[str, str], suffix: str = "") -> str:
    """Print `node` with equality matchers for `labels`; values are quoted here, nowhere else.

    Raises: BadPromQL if it has no name, alternatives, an offset, or a reserved label.
    """
    if node.name is None:
        raise BadPromQL("names no metric: write the metric's name before the braces")
    if node.matchers.or_matchers:
        raise BadPromQL("has `or` between label matchers: write a regular expression instead")
    if node.offset is not None or node.at is not None:
        raise BadPromQL("shifts time by `offset` or `@`: a gate asks about now, remove it")
    taken = sorted({m.name for m in node.matchers.matchers} & RESERVED_LABELS)
    if taken:
        raise BadPromQL(f"matches on `{taken[0]}`, which Sluice sets itself: remove that matcher")
    matchers = [(m.name, _operator(m.op), m.value) for m in node.matchers.matchers]
    matchers += [(name, "=", value) for name, value in labels.items()]
    inside = ", ".join(f"{name}{op}{_quoted(value)}" for name, op, value in matchers)
    return f"{node.name}{suffix}{{{inside}}}"


def _quoted(value: str) -> str:
    """Return a PromQL string literal: JSON's escapes are a subset of Go's."""
    return json.dumps(value, ensure_ascii=False)
