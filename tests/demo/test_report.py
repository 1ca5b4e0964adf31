"""The numbers of the report, from a recorded demo."""

import json
from dataclasses import replace

from lab.demo.report import Recording, Report, Row, build, problems, quantile, spans
from lab.demo.traffic import Answer, Outcome


def report_of(recording: Recording) -> Report:
    return build(recording, versions={"sluice": "0.1.0"}, poll_seconds=0.2)


def row(recording: Recording, version: str) -> Row:
    [found] = [row for row in report_of(recording).rows if row.revision == version]
    return found


def test_a_promotion_has_no_deciding_gate_and_nothing_to_restore(recording: Recording) -> None:
    v2 = row(recording, "v2")
    assert v2.outcome == "Stable"
    assert (v2.gate, v2.value, v2.samples, v2.seconds_to_restore) == (None, None, None, None)
    assert v2.failed_during_rollout == 0


def test_the_first_version_keeps_the_outcome_of_its_own_rollout(recording: Recording) -> None:
    assert row(recording, "v1").outcome == "Stable"


def test_a_fault_in_shadow_counts_from_the_first_mirrored_copy(recording: Recording) -> None:
    v3 = row(recording, "v3")
    assert (v3.outcome, v3.gate, v3.value, v3.bound, v3.samples, v3.stage) == (
        "RolledBack",
        "empty",
        0.41,
        "<= 0.05",
        213,
        "shadow",
    )
    assert v3.seconds_to_restore == 7.0
    assert (v3.answers, v3.failed_requests, v3.wrong_answers) == (0, 0, 0)


def test_a_fault_seen_by_users_counts_their_failed_answers(recording: Recording) -> None:
    v4 = row(recording, "v4")
    failed = [answer for answer in recording.answers if answer.outcome is Outcome.FAILED]
    assert v4.failed_requests == len(failed) > 0
    assert v4.seconds_to_restore == 38.0


def test_traffic_is_restored_only_after_the_last_answer_of_the_bad_revision(
    recording: Recording,
) -> None:
    name = row(recording, "v4").name
    began = recording.rollouts[-1].applied_at
    late = Answer(began + 47.0, 3.0, Outcome.FAILED, 500, name)
    with_late = replace(recording, answers=(*recording.answers, late))
    assert row(with_late, "v4").seconds_to_restore == 40.0


def test_a_failure_without_a_header_is_blamed_on_the_exposed_candidate(
    recording: Recording,
) -> None:
    began = recording.rollouts[-1].applied_at
    exposed = Answer(began + 35.0, 3.0, Outcome.FAILED, None, None, "TimeoutError: ")
    in_shadow = Answer(began + 15.0, 3.0, Outcome.FAILED, None, None, "TimeoutError: ")
    before = row(recording, "v4").failed_requests
    with_both = replace(recording, answers=(*recording.answers, exposed, in_shadow))
    assert row(with_both, "v4").failed_requests == before + 1


def test_null_answers_are_wrong_answers(recording: Recording) -> None:
    null = Answer(recording.looks[-1].time, 0.01, Outcome.NULL, 200, row(recording, "v2").name)
    before = row(recording, "v2")
    after = row(replace(recording, answers=(*recording.answers, null)), "v2")
    assert (after.wrong_answers, after.null_answers) == (before.wrong_answers + 1, 1)


def test_totals_add_up_and_leave_out_what_was_not_sent(recording: Recording) -> None:
    unsent = Answer(recording.looks[-1].time, 0.0, Outcome.UNSENT)
    requests = report_of(replace(recording, answers=(*recording.answers, unsent))).requests
    assert requests["sent"] == len(recording.answers)
    assert requests["unsent"] == 1
    parts = ("ok", "failed", "wrong", "null")
    assert requests["sent"] == sum(requests[part] for part in parts)


def test_a_demo_that_went_well_has_no_problems(recording: Recording) -> None:
    assert problems(report_of(recording).rows) == []


def test_one_failed_request_in_the_promotion_is_a_problem(recording: Recording) -> None:
    failed = Answer(recording.rollouts[1].applied_at + 5, 0.1, Outcome.FAILED, 503)
    rows = report_of(replace(recording, answers=(*recording.answers, failed))).rows
    assert problems(rows) == ["v2: 1 requests failed during its rollout, must be 0."]


def test_a_bad_version_that_was_promoted_is_a_problem(recording: Recording) -> None:
    rows = tuple(
        replace(row, outcome="Stable") if row.revision == "v3" else row
        for row in report_of(recording).rows
    )
    [problem] = problems(rows)
    assert problem.startswith("v3: outcome is Stable, must be RolledBack.")


def test_a_version_that_was_never_reached_is_a_problem(recording: Recording) -> None:
    cut = replace(recording, rollouts=recording.rollouts[:3])
    assert problems(report_of(cut).rows) == ["v4: was never applied"]


def test_the_json_has_the_promised_keys(recording: Recording) -> None:
    document = json.loads(json.dumps(report_of(recording).as_json()))
    promised = "revision outcome gate value bound samples secondsToRestore failedRequests"
    for entry in document["revisions"]:
        assert set(entry) >= {*promised.split(), "wrongAnswers"}
    assert set(document["requests"]) >= {"sent", "ok", "failed", "wrong"}
    assert document["versions"] == {"sluice": "0.1.0"}


def test_spans_of_a_revision_that_comes_back_are_kept_apart(recording: Recording) -> None:
    name = row(recording, "v4").name
    [(begin, end)] = spans(recording.looks, name, live_only=True)
    twice = (*recording.looks, replace(recording.looks[-30], time=recording.looks[-1].time + 1))
    assert len(spans(twice, name, live_only=True)) == 2
    assert end - begin == 18.0


def test_quantile_is_the_nearest_rank() -> None:
    assert quantile([], 0.95) is None
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([float(value) for value in range(100)], 0.95) == 95.0
