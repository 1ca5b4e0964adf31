"""What the API server's objects mean to the demo."""

from typing import Any

from lab.demo.watch import (
    Decision,
    Gate,
    Route,
    parse_gates,
    parse_look,
    parse_revision,
    parse_route,
)

ROUTE: dict[str, Any] = {
    "spec": {
        "rules": [
            {
                "filters": [
                    {
                        "type": "RequestMirror",
                        "requestMirror": {
                            "backendRef": {"name": "digits-bbb-predictor", "port": 80},
                            "percent": 50,
                        },
                    }
                ],
                "backendRefs": [
                    {"name": "digits-aaa-predictor", "port": 80, "weight": 19},
                    {"name": "digits-ccc-predictor", "port": 80, "weight": 1},
                    {"name": "digits-ddd-predictor", "port": 80, "weight": 0},
                ],
            }
        ]
    }
}


def test_weights_become_percent_and_a_weight_of_zero_is_no_traffic() -> None:
    route = parse_route(ROUTE)
    assert route == Route((("digits-aaa", 95.0), ("digits-ccc", 5.0)), (("digits-bbb", 50.0),))
    assert route.mentions("digits-bbb")
    assert not route.mentions("digits-ddd")


def test_a_mirror_without_percent_copies_everything_and_one_backend_gets_all() -> None:
    route = parse_route(
        {
            "spec": {
                "rules": [
                    {
                        "filters": [
                            {
                                "type": "RequestMirror",
                                "requestMirror": {"backendRef": {"name": "b-predictor"}},
                            }
                        ],
                        "backendRefs": [{"name": "a-predictor"}],
                    }
                ]
            }
        }
    )
    assert route == Route((("a", 100.0),), (("b", 100.0),))


def test_objects_that_are_not_there_yet_make_an_empty_look() -> None:
    look = parse_look(1.0, None, None, [])
    assert (look.kind, look.stable, look.route, look.revisions) == ("", None, Route(), ())


def test_a_gate_without_data_has_no_value() -> None:
    [waiting, failed] = parse_gates(
        [
            {"name": "errors", "verdict": "NoData", "bound": "<= 0.02"},
            {
                "name": "empty",
                "verdict": "Fail",
                "value": "0.41",
                "bound": "<= 0.05",
                "samples": 213,
            },
        ]
    )
    assert waiting == Gate("errors", "NoData", None, "<= 0.02", 0)
    assert failed == Gate("empty", "Fail", 0.41, "<= 0.05", 213)


def test_both_limits_of_a_bound_are_found() -> None:
    assert Gate("g", "Pass", 0.5, ">= 0.25 and <= 1.5", 9).limits() == (0.25, 1.5)


def test_a_revision_names_its_version_by_where_the_model_is() -> None:
    revision = parse_revision(
        {
            "metadata": {"name": "digits-77aa"},
            "spec": {"predictor": {"model": {"storageUri": "pvc://models/digits/v3"}}},
            "status": {
                "outcome": "RolledBack",
                "reason": "GateFailed",
                "message": "gate empty: 0.41 > 0.05",
                "decidedBy": {
                    "gate": "empty",
                    "value": "0.41",
                    "bound": "<= 0.05",
                    "samples": 213,
                    "stage": "shadow",
                },
            },
        }
    )
    assert (revision.version, revision.outcome) == ("v3", "RolledBack")
    assert revision.decision == Decision("empty", 0.41, "<= 0.05", 213, "shadow")


def test_looks_that_differ_only_in_time_are_the_same() -> None:
    first, later = parse_look(1.0, None, None, []), parse_look(2.0, None, None, [])
    assert first.same_as(later)
    assert not first.same_as(parse_look(1.0, None, ROUTE, []))


def test_a_look_takes_the_shares_of_the_status_and_its_sentence_of_now() -> None:
    look = parse_look(
        1.0,
        {
            "status": {
                "message": "needs 12 more requests",
                "stage": {"name": "shadow", "kind": "Shadow", "message": "model is ready"},
                "stable": {"revision": "digits-aaa", "weightPercent": 100},
                "candidate": {"revision": "digits-bbb", "weightPercent": 0, "mirrorPercent": 100},
            }
        },
        None,
        [],
    )
    assert (look.kind, look.stable, look.candidate) == ("Shadow", "digits-aaa", "digits-bbb")
    assert (look.candidate_weight, look.candidate_mirror) == (0.0, 100.0)
    assert look.message == "needs 12 more requests"
