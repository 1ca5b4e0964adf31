"""A gate's PromQL gets its arm by the syntax tree, and nothing can get out of it."""

from __future__ import annotations

import hypothesis.strategies as st
import promql_parser as pql
import pytest
from hypothesis import given

from sluice.api import promql

LABELS = {"namespace": "factory", "revision": "digits-1"}


def test_a_plain_series_gets_the_labels_and_the_suffix() -> None:
    assert 'h_bucket{le="1", namespace="factory", revision="digits-1"}' == promql.selector(
        'h{le="1"}', LABELS, "_bucket"
    )


def test_every_series_of_an_expression_gets_the_labels() -> None:
    text = promql.expression(
        "sum(rate(a[1m])) / sum(rate(b[5m])) + max_over_time(c[1m:5s])", LABELS
    )

    assert 3 == text.count('namespace="factory"') == text.count('revision="digits-1"')


@pytest.mark.parametrize(
    "text",
    ['a{namespace="x"}', 'a{revision=~".*"}', '{b="c"}', "a offset 5m", "a @ 5", "sum(", "1", ""],
)
def test_what_would_reach_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(promql.BadPromQL):
        promql.expression(text, LABELS)


@given(value=st.text(max_size=30))
def test_no_label_value_can_change_the_question(value: str) -> None:
    text = promql.selector("a", {"revision": value})
    parsed = pql.parse(text)

    assert isinstance(parsed, pql.VectorSelector)
    assert [("revision", value)] == [(m.name, m.value) for m in parsed.matchers.matchers]


def test_the_first_series_is_found_inside_ranges_and_calls() -> None:
    assert 'a{x="1"}' == promql.first_series('sum(increase(a{x="1"}[5m])) + sum(b)')
