"""``gym-llmteacher watch``: a student at work, in the terminal or in a window."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.style import Style
from rich.text import Text

console = Console()


def watch(
    student: Annotated[Path, typer.Argument(help="A zip saved by TeacherPPO or PPO.")],
    env: Annotated[
        str | None, typer.Option(help="Env id (default: where the student was trained).")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 20_000,
    fps: Annotated[float, typer.Option(min=0.1, help="Steps per second.")] = 8.0,
    window: Annotated[bool, typer.Option("--window", help="In a window of its own.")] = False,
) -> None:
    """Watch a student play. It needs no teacher and no language model.

    One that was trained with subgoals gets them from what its teacher has said in its training.
    """
    import numpy as np

    from gym_llmteacher.cli_options import SIMPLE
    from gym_llmteacher.experiments.envs import make_env
    from gym_llmteacher.experiments.run_folder import env_of
    from gym_llmteacher.experiments.saved import load_student, played_in

    model = load_student(student)
    made = make_env(env or env_of(student.parent) or SIMPLE,
                    render_mode="human" if window else "rgb_array")  # fmt: skip
    shown = played_in(model, student)(made)
    with Live(console=console, auto_refresh=False) as live:
        for episode in range(episodes):
            obs, _ = shown.reset(seed=seed + episode)
            state, starts, over, steps = None, np.ones(1, np.bool_), False, 0
            while not over:
                if not window:
                    live.update(
                        picture(shown.render(), console.width, console.height), refresh=True
                    )
                time.sleep(1 / fps)
                action, state = model.predict(obs, state, starts)
                obs, reward, terminated, truncated, info = shown.step(action)
                over, starts, steps = terminated or truncated, np.zeros(1, np.bool_), steps + 1
            solved = {None: f"last reward {float(reward):.3g}", True: "solved"}
            how = solved.get(info.get("is_success"), "not solved")
            live.console.print(f"Episode {episode + 1}: {how} in {steps} steps")
    shown.close()


def picture(frame: Any, width: int, height: int) -> Text:
    """A frame in half blocks, two pixels to a character, as large as fits.

    >>> import numpy as np
    >>> picture(np.zeros((64, 64, 3), np.uint8), 10, 10).plain.count("▀")
    50
    """
    import numpy as np
    from PIL import Image

    image = Image.fromarray(np.asarray(frame))
    scale = min(width / image.width, 2 * (height - 4) / image.height)
    columns, rows = max(2, int(image.width * scale)), max(2, int(image.height * scale) // 2 * 2)
    pixels = np.asarray(image.resize((columns, rows), Image.Resampling.BOX)).tolist()
    text = Text(no_wrap=True)
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        for up, down in zip(upper, lower, strict=True):
            text.append("▀", Style(color=_rgb(up), bgcolor=_rgb(down)))
        text.append("\n")
    return text


def _rgb(pixel: list[int]) -> str:
    return f"rgb({pixel[0]},{pixel[1]},{pixel[2]})"
