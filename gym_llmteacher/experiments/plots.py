"""Pictures of a comparison: learning curves, and a film of the student beside its teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gym_llmteacher.experiments.config import STUDENT_NAMES, ComparisonConfig
from gym_llmteacher.experiments.envs import make_env
from gym_llmteacher.experiments.evaluate import Evaluation
from gym_llmteacher.experiments.rendering import frame
from gym_llmteacher.experiments.result import RunResult
from gym_llmteacher.experiments.teaching import guided_play, taught
from gym_llmteacher.learning.coef import coef_schedule, default_coef
from gym_llmteacher.wrappers.overlay import action_names, draw_bars

COLORS = {"teacher": "#2563eb", "ppo": "#6b7280", "teacher alone": "#d97706"}


def plot_curves(
    config: ComparisonConfig, runs: Sequence[RunResult], teacher: Evaluation | None, path: Path
) -> None:
    """Draw success in training against frames, thin lines per seed, thick means per student."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for kind in config.students:
        curves = [np.array(run.curve) for run in runs if run.kind == kind]
        grid = np.linspace(0, config.steps, 200)
        lines = [np.interp(grid, c[:, 0], c[:, 1], left=0.0) for c in curves]
        for line in lines if len(lines) > 1 else ():
            axes.plot(grid, line, color=COLORS[kind], alpha=0.3, linewidth=1)
        axes.plot(grid, np.mean(lines, axis=0), color=COLORS[kind], linewidth=2.2,
                  label=f"{STUDENT_NAMES[kind]}, last 100 episodes")  # fmt: skip
    if teacher is not None:
        axes.axhline(teacher.success, color=COLORS["teacher alone"], linestyle="--",
                     label=f"teacher alone ({teacher.success:.0%})")  # fmt: skip
    coef = config.teaching.coef
    schedule = default_coef(config.steps) if coef is None else coef_schedule(coef)
    silent = schedule.zero_from
    but = "" if config.teaching.subgoals is None else " but for subgoals"
    if "teacher" in config.students and silent < config.steps:
        axes.axvspan(silent, config.steps, color="#2563eb", alpha=0.07, linewidth=0,
                     label=f"teacher no longer asked{but} (λ = 0)")  # fmt: skip
    axes.set_xlabel("environment steps (frames)")
    axes.set_ylabel("success rate")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(0, config.steps)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:.0f}k")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    seeds = len(config.seeds)
    axes.set_title(f"{config.env}, {seeds} seed{'s' if seeds > 1 else ''}", loc="left")
    # Below, where it hides nothing.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)
    figure.savefig(path, dpi=130)


def film(config: ComparisonConfig, model: Any, path: Path, episodes: int = 3) -> None:
    """Save a GIF of the student acting, with the teacher's prior and its own policy beside it."""
    import torch as th

    shows = guided_play(config)
    env = shows(taught(config)(make_env(config.env, render_mode="rgb_array")))
    names = action_names(env)
    frames: list[Image.Image] = []
    durations: list[int] = []
    rng = np.random.default_rng(0)
    for episode in range(episodes):
        obs, info = env.reset(seed=20_000 + episode)
        done, success, step = False, False, 0
        while True:
            tensor, _ = model.policy.obs_to_tensor(obs)
            with th.no_grad():
                probs = model.policy.get_distribution(tensor).distribution.probs[0].numpy()
            situation = env.get_wrapper_attr("situation")
            lines = _caption(episode, step, situation, done, success)
            if config.teaching.subgoals is not None:
                named = info["subgoal"] or "none"
                lines.append("" if done else f"Subgoal: {named}")
            prior = info["teacher_prior"] if info["teacher_weight"] > 0 else None
            drawn = frame(env)
            assert drawn is not None
            shown = [] if done else names  # at the end nobody has anything to decide
            picture = draw_bars(drawn, shown, prior, None if done else probs, lines)
            frames.append(Image.fromarray(picture).quantize(64))
            durations.append(1200 if done else 220)
            if done:
                break
            probs = probs.astype(np.float64)
            action = int(rng.choice(len(probs), p=probs / probs.sum()))
            obs, _, terminated, truncated, info = env.step(action)
            done, step = terminated or truncated, step + 1
            success = bool(info.get("is_success", False))
    env.close()
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
    )


def _caption(episode: int, step: int, situation: Any, done: bool, success: bool) -> list[str]:
    if done:
        end = "solved" if success else "not solved"
        return [f"Episode {episode + 1}: {end} in {step} steps", "", ""]
    words = situation.text.replace("<", "").replace(">", "").split(". ")
    return [f"Episode {episode + 1}, step {step}", *[w.rstrip(".") for w in words[:2]]]
