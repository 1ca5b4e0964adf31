"""What the person in front of the terminal sees: milestones and progress lines.

On a terminal the progress line is rewritten in place; elsewhere it is printed
once in a while, so that a log file stays readable.
"""

import sys
import threading
import time
from dataclasses import dataclass, field

SECONDS_BETWEEN_LOG_LINES = 20.0


@dataclass(slots=True)
class Reporter:
    """Prints to standard error, from any thread; keeps the seconds of each milestone."""

    started: float = field(default_factory=time.monotonic)
    milestones: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last_line: float = 0.0
    _width: int = 0

    def elapsed(self) -> float:
        """Return the seconds since this reporter began."""
        return time.monotonic() - self.started

    def milestone(self, name: str, text: str) -> None:
        """Print `text` with the seconds it took, and remember them under `name`."""
        with self._lock:
            self.milestones[name] = round(self.elapsed(), 1)
            self._print(f"{self.elapsed():6.1f} s  {text}")

    def say(self, text: str) -> None:
        """Print one line that stays."""
        with self._lock:
            self._print(text)

    def progress(self, text: str) -> None:
        """Show a line that the next one replaces."""
        with self._lock:
            if sys.stderr.isatty():
                line = text[:110]
                sys.stderr.write("\r" + line.ljust(self._width))
                self._width = len(line)
                sys.stderr.flush()
            elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LOG_LINES:
                self._last_line = time.monotonic()
                self._print(text)

    def _print(self, text: str) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0
        print(text, file=sys.stderr, flush=True)
