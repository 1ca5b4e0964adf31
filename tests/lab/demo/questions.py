"""What the demo asks: every held-out scan of the digits, and whether an answer is right."""

import digits
from lab.demo.traffic import Outcome, Question

OUTCOMES = {
    digits.Verdict.CORRECT: Outcome.CORRECT,
    digits.Verdict.WRONG: Outcome.WRONG,
    digits.Verdict.NULL: Outcome.NULL,
}


def questions() -> list[Question]:
    """Return one question for each held-out scan, in a fixed order."""
    return [Question(sample.body, sample.label) for sample in digits.samples()]


def judge(body: bytes, truth: str) -> Outcome:
    """Judge a 2xx answer; one that does not follow the protocol has failed the user."""
    try:
        return OUTCOMES[digits.check(body, truth)]
    except ValueError:
        return Outcome.FAILED
