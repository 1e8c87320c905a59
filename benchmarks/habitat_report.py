"""Table and pictures of the Habitat benchmark.

::

    python -m benchmarks.habitat_report table
    python -m benchmarks.habitat_report pictures    # needs a trained student in runs/habitat
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.habitat import ARMS, MORE, RESULTS, SOLVED, WINDOW, WORK, frames_to, make_env
from benchmarks.looks import look

PICTURES = Path(__file__).parent.parent / "docs" / "images"
NAMES = {
    "ppo": "plain PPO, low-level actions", "hierarchical": "PPO over options",
    "llm-options": "TeacherPPO over options", "llm-flat": "TeacherPPO, low-level actions",
    "llm-options-manners": "TeacherPPO over options, all manners",
    "llm-options-depth": "TeacherPPO over options, depth only",
    "llm-flat-depth": "TeacherPPO, low-level actions, depth only",
}  # fmt: skip
# Those of the other benchmarks: blue is TeacherPPO with the embedded model.
COLORS = {arm: look(arm.replace("-flat", ""))[1] for arm in ARMS}
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


def markdown(rows: list[dict]) -> str:
    """Markdown: frames until 80 %, and success in unseen episodes, median and range over seeds."""
    lines = ["| who | seeds | frames to 80 % | sampled | greedy | questions | CPU |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for arm in ARMS + MORE:
        mine = [row for row in rows if row["arm"] == arm]
        last = [row for row in mine if row.get("last")]
        if not last:
            continue
        to = sorted(frames_to([r for r in mine if r["seed"] == end["seed"]]) for end in last)
        never = f"never in {min(end['frames'] for end in last):,}"
        middle, worst = (
            never if value == float("inf") else f"{value:,.0f}"
            for value in (to[len(to) // 2], to[-1])
        )
        cells = [
            NAMES[arm],
            str(len(last)),
            middle if middle == worst else f"{middle} (worst {worst})",
        ]
        for key in ("success", "success_greedy"):
            values = [end[key] for end in last]
            cells.append(f"{sum(values) / len(values):.0%} ({min(values):.0%}-{max(values):.0%})")
        cells += [str(max(end["llm_calls"] for end in last)),
                  f"{sum(end['cpu_s'] for end in last) / len(last):.0f} s"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@app.command()
def table(
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS,
    picture: Annotated[Path, typer.Option(help="Learning curves.")] = PICTURES
    / "habitat_learning.png",
) -> None:
    """Print the table and draw the curves."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in results.read_text().splitlines()]
    print(markdown(rows))
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for arm in ARMS:
        curves: dict[int, list[tuple[float, float]]] = {}
        for row in rows:
            if row["arm"] == arm and not row.get("last"):
                curves.setdefault(row["seed"], [(0, 0)]).append((row["frames"], row["success"]))
        if not curves:
            continue
        grid = np.linspace(0, min(curve[-1][0] for curve in curves.values()), 200)
        values = [np.interp(grid, *np.array(curve).T) for curve in curves.values()]
        for value in values:
            axes.plot(grid, value, color=COLORS[arm], alpha=0.25, linewidth=1)
        axes.plot(grid, np.mean(values, axis=0), color=COLORS[arm], linewidth=2.2, label=NAMES[arm])
    axes.axhline(SOLVED, color="#9ca3af", linestyle=":", linewidth=1)
    axes.set(xlabel="control steps of the robot", ylabel=f"success, last {WINDOW} episodes",
             ylim=(-0.02, 1.02), xlim=(0, None))  # fmt: skip
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:.0f}k")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Nav & Pick, light simulator", loc="left")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(picture, dpi=110)


@app.command()
def pictures(
    student: Annotated[Path, typer.Option(help="A trained one.")] = WORK
    / "llm-options-manners-0.zip",
    out: Annotated[Path, typer.Option(help="Folder.")] = PICTURES,
) -> None:
    """Draw the map with a way on it, and film a student over options beside its teacher's prior."""
    import numpy as np
    import torch as th
    from PIL import Image
    from stable_baselines3 import PPO

    from gym_llmteacher import LLMTeacher, LLMTeacherWrapper
    from gym_llmteacher.habitat.draw import scene
    from gym_llmteacher.wrappers.overlay import draw_bars

    sharp = make_env("llm-flat", unseen=True, pixels=256)
    sharp.reset(seed=2)
    trail = [sharp.world.robot.base_pos]
    way = f"navigate to {sharp.world.target}"
    for _ in range(12):
        sharp.step(sharp.option_action(way))
        trail.append(sharp.world.robot.base_pos)
    drawn = Image.fromarray(scene(sharp, trail, sharp.world.path(sharp.world.target)))
    drawn.quantize(64).save(out / "habitat_map.png", optimize=True)

    # One palette for all frames: few pixels have the colours that matter.
    coloured = [(37, 99, 235), (217, 119, 6), (16, 130, 90), (31, 41, 55), (168, 162, 158),
                (245, 245, 244), (229, 231, 235)]  # fmt: skip
    shades = [(8 * k, 8 * k, 8 * k) for k in range(32)] + [(255, 255, 255)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in (*coloured, *shades) for value in colour])

    model = PPO.load(student, device="cpu")
    teacher = LLMTeacher(answers=WORK / "answers.sqlite")
    env = LLMTeacherWrapper(make_env("llm-options-manners", unseen=True), teacher)
    robot, rng, frames = env.unwrapped, np.random.default_rng(0), []
    step, names = robot.step, env.get_wrapper_attr("options")
    bars: dict = {}

    def filmed(action: int) -> tuple:
        """A frame before each control step, under the option that is being carried out."""
        trail.append(robot.world.robot.base_pos)
        lines = [f"Get the {robot.world.target}.", f"Step {len(trail)}: {bars['option']}",
                 f"Holds {robot.world.holding or 'nothing'}."]  # fmt: skip
        frame = draw_bars(
            scene(robot, trail), bars["names"], bars["prior"], bars["chances"], lines, 324, 300
        )
        frames.append(Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE))
        return step(action)

    robot.step = filmed
    for seed in (3, 5, 8):
        obs, info = env.reset(seed=seed)
        trail, done = [], False
        while not done:
            tensor, _ = model.policy.obs_to_tensor(obs)
            with th.no_grad():
                chances = model.policy.get_distribution(tensor).distribution.probs[0].numpy()
            chances = chances.astype(float)
            option = int(rng.choice(len(chances), p=chances / chances.sum()))
            prior = info["teacher_prior"] if info["teacher_weight"] > 0 else None
            most = chances if prior is None else np.maximum(chances, prior)
            shown = sorted(np.argsort(-most)[:6])  # more would overlap
            bars.update(
                names=[names[k] for k in shown],
                prior=None if prior is None else [prior[k] for k in shown],
                chances=[chances[k] for k in shown],
                option=names[option],
            )
            obs, _, terminated, truncated, info = env.step(option)
            done = terminated or truncated
    times = [180] * len(frames)
    frames[0].save(out / "habitat.gif", save_all=True, append_images=frames[1:], duration=times,
                   loop=0, optimize=True)  # fmt: skip


if __name__ == "__main__":
    app()
