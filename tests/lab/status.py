"""What `python -m lab status` prints: the first line answers, the rest is evidence."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab import cgroups, lifecycle, processes
from lab.place import GATEWAY_URL, PROMETHEUS_URL, Place

_KIB = 1024


def show(place: Place) -> int:
    """Print the state of every part; return 0 if the lab is up and whole, else 1."""
    console = Console()
    records = processes.all_records(place)
    up = lifecycle.is_up(place)
    console.print(f"{place.name}: {headline(place)}")
    if not records:
        return 1
    table = Table(box=None)
    for title in ("part", "pid", "state", "resident MiB"):
        table.add_column(title, justify="right" if title in {"pid", "resident MiB"} else "left")
    for record in records:
        lives = processes.alive(record)
        memory = f"{resident_mib(record.pid):.0f}" if lives else ""
        state = "runs" if lives else "stopped on purpose" if record.held else "crashed"
        table.add_row(record.part, str(record.pid), state, memory)
    programs = sum(resident_mib(pid) for pid in cgroups.part_pids(place))
    pods = sum(resident_mib(pid) for pid in cgroups.pod_pids(place))
    console.print(table)
    console.print(f"all programs {programs:.0f} MiB, pods {pods:.0f} MiB")
    console.print(
        f"gateway {GATEWAY_URL}  prometheus {PROMETHEUS_URL}  (inside: lab run, lab shell)"
    )
    console.print(f"KUBECONFIG={place.kubeconfig}  logs {place.logs}")
    return 0 if up else 1


def headline(place: Place) -> str:
    """Return in one line whether the lab is up, and what it lacks."""
    if crashed := lifecycle.crashed_parts(place):
        return f"not whole: {', '.join(crashed)} crashed. See: lab logs {crashed[0]}"
    if not lifecycle.is_up(place):
        return "down"
    if held := lifecycle.held_parts(place):
        return f"up, without {', '.join(held)}. Next: lab start {held[0]}"
    return "up"


def resident_mib(pid: int) -> float:
    """Return the memory of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    values = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(values[0]) / _KIB if values else 0.0
