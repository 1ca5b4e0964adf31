"""What `sluice status` and `sluice explain` say, word for word."""

from __future__ import annotations

import io

from rich.console import Console

from core.world import BAD, DOWN, World, a_spec, serving
from sluice.cli import render
from sluice.cli.fetch import View
from sluice.core.observation import Revision


def view_of(world: World) -> View:
    revisions = {n: Revision(s, world.histories[n]) for n, s in world.specs.items()}
    ordered = dict(sorted(revisions.items(), key=lambda pair: pair[1].spec.number))
    return View("digits", "factory", world.status, ordered)


def said(print_: str, world: World, *arguments: str | None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200, highlight=False, soft_wrap=True)
    getattr(render, print_)(console, view_of(world), *arguments)
    return out.getvalue()


def test_at_rest_the_first_line_says_who_serves() -> None:
    world = serving("v1")

    assert (
        f"digits: {world.wanted()} serves all requests\nNext: sluice explain digits -n factory\n"
    ) == said("status", world)


def test_on_the_way_it_says_where_and_what_it_waits_for() -> None:
    world = serving("v1")
    world.edit(a_spec("v2"))
    world.run_until("few")
    world.answers[world.wanted()] = DOWN
    world.run(3)
    first, *table = said("status", world).splitlines()

    assert first == (
        f"digits: {world.wanted()} in few, 5 %: few: holding, gate errors cannot be asked:"
        " http://prometheus:9090 cannot be reached"
    )
    assert ["gate", "verdict", "value", "bound", "samples"] == table[0].split()
    assert ["errors", "Broken", "-", "<=", "0.02", "-"] == table[1].split()[:6]


def test_after_a_rollback_it_tells_who_serves_and_why() -> None:
    world = serving("v1")
    stable = world.wanted()
    world.edit(a_spec("v2"))
    world.run_until("few")
    world.answers[world.wanted()] = BAD
    world.run(5)

    first = said("status", world).splitlines()[0]
    assert first == (
        f"digits: rolled back; {stable} serves. {world.wanted()}: gate errors is 0.5,"
        " must be <= 0.02, from 1000 samples in few"
    )
    story = said("explain", world, None).splitlines()
    assert story[0].startswith(f"{world.wanted()}: RolledBack (GateFailed): ")
    stages = ["loading", "shadow", "few", "rolling-back", "rolled-back"]
    assert stages == [line.split()[1] for line in story[2:7]]
    assert "Asked: q" in story


def test_the_story_of_an_older_revision_can_be_asked_for() -> None:
    world = serving("v1")
    old = world.wanted()
    world.edit(a_spec("v2"))
    world.run(60)

    assert said("explain", world, old).startswith(f"{old}: Retired (Retired)")
