"""`python -m lab.demo`: play the demo, write build/demo, exit 0 only if all went as it must."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from lab.demo import cluster
from lab.demo.picture import save
from lab.demo.report import build, problems
from lab.demo.scenario import Demo, target_from_environment
from lab.demo.screen import Screen
from lab.demo.watch import POLL_SECONDS, watching
from lab.errors import LabError


def main() -> int:
    """Return 0 if v2 was promoted without a failed request and v3 and v4 were rolled back."""
    parser = argparse.ArgumentParser(prog="python -m lab.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=cluster.ROOT / "build" / "demo")
    parser.add_argument("--rate", type=float, default=25.0, help="requests a second")
    options = parser.parse_args()
    screen = Screen()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        return asyncio.run(_play(options.out.resolve(), options.rate, screen))
    except LabError as error:
        screen.say(str(error), style="red")
        return 1
    except KeyboardInterrupt:
        return 130


async def _play(out: Path, rate: float, screen: Screen) -> int:
    target = target_from_environment(rate)
    failure: LabError | None = None
    async with watching(cluster.NAMESPACE, cluster.NAME) as watcher:
        demo = Demo(watcher, screen, target, out / "models")
        with screen:
            try:
                await demo.run()
            except LabError as error:
                failure = error
    if not demo.looks:
        raise failure or LabError("demo: nothing was seen.")
    return await _report(demo, out, failure)


async def _report(demo: Demo, out: Path, failure: LabError | None) -> int:
    recording = demo.recording()
    report = build(
        recording,
        versions=await cluster.versions(),
        poll_seconds=POLL_SECONDS,
    )
    (out / "report.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    png, page = save(recording, report, out)
    demo.screen.table(report)
    wrong = [*([str(failure)] if failure else []), *problems(report.rows)]
    for problem in wrong:
        demo.screen.say(problem, style="red")
    demo.screen.say(f"Picture: {png}, page: {page}, numbers: {out / 'report.json'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
