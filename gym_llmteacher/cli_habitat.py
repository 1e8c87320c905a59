"""``gym-llmteacher habitat-check``: what the adapter does on the simulator that is installed."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

console = Console()


def habitat_check(
    config: Annotated[
        str | None, typer.Argument(help="A config of yours (default: Nav & Pick, ReplicaCAD).")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="How many to play.")] = 20,
    light: Annotated[
        bool, typer.Option("--light", help="On the light simulator, with the real one's manners.")
    ] = False,
    actions: Annotated[str, typer.Option(help="options or primitives.")] = "options",
    override: Annotated[
        list[str] | None, typer.Option(help="Of the config, in hydra's notation; may be repeated.")
    ] = None,
) -> None:
    """Try the Habitat adapter on this machine: the first thing to do with the real simulator.

    A script navigates to each episode's target and picks it. Success, how episodes ended, seeding,
    speed and versions are shown in a table: please send it to us. No model is asked.
    """
    from gym_llmteacher.habitat import HabitatEnv
    from gym_llmteacher.habitat.survey import survey

    env = HabitatEnv(_config(config, light, override or []), actions, objects="all", places="all")
    try:
        found = survey(env, episodes)
    finally:
        env.close()
    table = Table("what", "measured", title="Habitat on this machine")
    for row in found.rows():
        table.add_row(*row)
    console.print(table)
    if found.success < 0.95 or not found.same_start:
        console.print("Below what was seen elsewhere; docs/habitat.md says what to look at.")


def _config(path: str | None, light: bool, overrides: list[str]) -> Any:
    from gym_llmteacher.habitat import nav_pick_config
    from gym_llmteacher.habitat.lab import import_lab

    if light:
        import gym_llmteacher.light_habitat  # noqa: F401  (the opt-in)
        from gym_llmteacher.light_habitat.config import light_config
        from gym_llmteacher.light_habitat.manners import Manners

        return light_config(overrides, houses=25, manners=Manners.all())
    if path is not None:
        return import_lab().get_config(path, overrides)
    from gym_llmteacher.errors import HabitatMissingError
    from gym_llmteacher.habitat.assets import missing_assets

    config = nav_pick_config(overrides)
    missing = missing_assets(config)
    if missing:
        raise HabitatMissingError(
            f"these are missing under the current folder: {', '.join(missing)}. Cure: python -m "
            "habitat_sim.utils.datasets_download --uids rearrange_task_assets --data-path data/, "
            "or a config of your own, or --light."
        )
    return config
