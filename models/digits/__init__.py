"""An example for Sluice: four versions of a classifier of real scanned digits.

`python -m digits train all --out DIR` trains them, `evaluate DIR` measures
them, `python -m digits.serve` serves any of them. Clients that check answers
need only `samples` and `check`. torch and scikit-learn are imported where they
are used, so that importing this package stays cheap.
"""

from digits.checking import Sample, Verdict, check, samples

__all__ = ["Sample", "Verdict", "check", "samples"]
