"""One episode of a student, step by step, with what its teacher would have said."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image

from gym_llmteacher.experiments.rendering import frame
from gym_llmteacher.wrappers.overlay import action_names

_MOST = 120  # steps; a page of more than a few MB is no page
_HEIGHT = 280  # pixels of a frame


@dataclass(frozen=True)
class Moment:
    """One step.

    :param text: what the teacher is told
    :param said: what it advises, in words, and the subgoal, if the student is shown one
    :param prior: by action; ``None``: it abstains
    :param policy: the student's probabilities, by action
    :param frame: a picture as a data URL; empty where the env draws none
    """

    text: str
    said: str
    prior: list[float] | None
    policy: list[float]
    frame: str


@dataclass(frozen=True)
class Played:
    """An episode.

    :param names: of the actions
    :param ending: in words
    """

    names: list[str]
    moments: list[Moment]
    ending: str


def played(make: Callable[[], gym.Env[Any, Any]], model: Any, seed: int = 20_000) -> Played:
    """Play one episode with a student of Discrete actions.

    :param make: makes the env, wrapped with the teacher
    :param model: a PPO
    """
    import torch as th

    env = make()
    names = action_names(env)
    rng = np.random.default_rng(seed)
    obs, info = env.reset(seed=seed)
    moments: list[Moment] = []
    ending = f"cut off after {_MOST} steps"
    while len(moments) < _MOST:
        tensor, _ = model.policy.obs_to_tensor(obs)
        with th.no_grad():
            probs = model.policy.get_distribution(tensor).distribution.probs[0].double().numpy()
        moments.append(_moment(env, info, probs))
        action = int(rng.choice(len(probs), p=probs / probs.sum()))
        obs, reward, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            solved = info.get("is_success")
            how = {None: f"last reward {float(reward):.3g}", True: "solved", False: "not solved"}
            ending = f"{how[solved if solved is None else bool(solved)]} in {len(moments)} steps"
            break
    env.close()
    return Played(names, moments, ending)


def _moment(env: gym.Env[Any, Any], info: dict[str, Any], probs: Any) -> Moment:
    situation = env.get_wrapper_attr("situation")
    advice = env.get_wrapper_attr("advice")
    advised = float(np.max(info["teacher_weight"])) > 0
    said = ""
    if advice is not None and advice.plans:
        best, share = max(advice.plans, key=lambda plan: plan[1])
        said = f"{', then '.join(best)} ({share:.0%})"
    said = said or "(abstains)"
    if info.get("subgoal"):
        said += f"; subgoal: {info['subgoal']}"
    return Moment(
        situation.text if situation is not None else "",
        said,
        [round(float(p), 4) for p in info["teacher_prior"]] if advised else None,
        [round(float(p), 4) for p in probs],
        _picture(env),
    )


def _picture(env: gym.Env[Any, Any]) -> str:
    drawn = frame(env)
    if drawn is None:
        return ""
    image = Image.fromarray(drawn)
    size = (round(image.width * _HEIGHT / image.height), _HEIGHT)
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BILINEAR).quantize(64).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
