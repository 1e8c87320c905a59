"""Draw the teacher's prior beside the rendered frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.core import ActType, ObsType
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gym_llmteacher.action_dims import action_sizes

Frame = NDArray[np.uint8]

TEACHER = (217, 119, 6)
STUDENT = (37, 99, 235)
_LOWEST = 14  # pixels of a bar with its name
_INK, _PAPER, _FAINT = (31, 41, 55), (255, 255, 255), (229, 231, 235)


def draw_bars(
    frame: Frame,
    names: Sequence[str],
    teacher: Sequence[float] | None,
    student: Sequence[float] | None = None,
    lines: Sequence[str] = (),
    height: int = 360,
    width: int = 340,
) -> Frame:
    """Put a panel of bars, one per action, to the right of a frame.

    :param frame: uint8 ``(h, w, 3)``
    :param names: name of each action (none: the lines alone); where they are too many for the
        height, those are drawn that teacher or student think most of
    :param teacher: prior per action, or ``None`` when the teacher abstains
    :param student: the student's probabilities, drawn under the teacher's
    :param lines: lines of text above the bars
    :return: uint8 ``(height, height * w / h + width, 3)``
    """
    image = Image.fromarray(frame)
    scaled = image.resize(
        (round(image.width * height / image.height), height), Image.Resampling.NEAREST
    )
    canvas = Image.new("RGB", (scaled.width + width, height), _PAPER)
    canvas.paste(scaled, (0, 0))
    draw = ImageDraw.Draw(canvas)
    font, left, y = ImageFont.load_default(13), scaled.width + 14, 10
    for line in lines:
        draw.text((left, y), line, fill=_INK, font=font)
        y += 18
    if not names:
        return np.asarray(canvas)
    y += 4
    legend = [("teacher's prior" if teacher is not None else "teacher abstains", TEACHER)]
    if student is not None:
        legend.append(("student", STUDENT))
    x = left
    for label, colour in legend:
        draw.rectangle((x, y + 3, x + 10, y + 13), fill=colour)
        draw.text((x + 15, y), label, fill=_INK, font=font)
        x += 30 + int(draw.textlength(label, font=font))
    y += 26
    shown_rows = _most_likely(len(names), max(1, (height - y - 6) // _LOWEST - 1), teacher, student)
    if len(shown_rows) < len(names):
        more = f"... and {len(names) - len(shown_rows)} more"
        draw.text((left, height - _LOWEST - 4), more, fill=_INK, font=font)
    pitch = min(36, (height - y - 6 - _LOWEST) // max(1, len(shown_rows)))
    label_width = max((int(draw.textlength(n, font=font)) for n in names), default=0) + 10
    full = width - 28 - label_width - 42
    for row, i in enumerate(shown_rows):
        name, top = names[i], y + row * pitch
        draw.text((left, top + pitch // 2 - 9), name, fill=_INK, font=font)
        series = [(teacher, TEACHER), (student, STUDENT)]
        drawn = [(values[i], colour) for values, colour in series if values is not None]
        bar = (pitch - 6) // max(1, len(drawn))
        for k, (value, colour) in enumerate(drawn):
            x0, y0 = left + label_width, top + k * bar
            draw.rectangle((x0, y0, x0 + full, y0 + bar - 2), fill=_FAINT)
            draw.rectangle((x0, y0, x0 + round(full * float(value)), y0 + bar - 2), fill=colour)
            text = f"{100 * float(value):.0f}%"
            draw.text((x0 + full + 6, y0 + bar // 2 - 9), text, fill=_INK, font=font)
    return np.asarray(canvas)


def _most_likely(count: int, most: int, *given: Sequence[float] | None) -> list[int]:
    """So many actions at most, in their order: the most likely ones by anybody."""
    values = [series for series in given if series is not None]
    if count <= most or not values:
        return list(range(min(count, most)))
    best = sorted(range(count), key=lambda i: -max(float(series[i]) for series in values))
    return sorted(best[:most])


def action_names(env: gym.Env[Any, Any]) -> list[str]:
    """Names of an env's actions: its own enum, its grounding's names, or numbers."""
    enum = getattr(env.unwrapped, "actions", None)
    n_actions = sum(action_sizes(env.action_space))
    try:
        grounding = env.get_wrapper_attr("grounding")
    except AttributeError:
        grounding = None
    names = list(getattr(grounding, "actions", ()))
    if not names and enum is not None:
        try:
            names = [enum(i).name for i in range(n_actions)]
        except (TypeError, ValueError):
            names = []
    return names or [f"action {i}" for i in range(n_actions)]


class PriorOverlay(gym.Wrapper[ObsType, ActType, ObsType, ActType], RecordConstructorArgs):
    """Show the prior beside each frame; put it outside `LLMTeacherWrapper`, inside ``RecordVideo``.

    :param env: env with ``render_mode="rgb_array"``, wrapped by `LLMTeacherWrapper`

    Change log: 0.1.0 - added.
    """

    def __init__(self, env: gym.Env[ObsType, ActType]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        if env.render_mode != "rgb_array":
            raise ValueError(
                f"render_mode is {env.render_mode!r}, expected 'rgb_array': "
                "gym.make(..., render_mode='rgb_array')."
            )
        self._names = action_names(env)
        self._info: dict[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset, and remember the prior."""
        obs, self._info = self.env.reset(seed=seed, options=options)
        return obs, self._info

    def step(self, action: ActType) -> tuple[ObsType, Any, bool, bool, dict[str, Any]]:
        """Step, and remember the prior."""
        obs, reward, terminated, truncated, self._info = self.env.step(action)
        return obs, reward, terminated, truncated, self._info

    def render(self) -> Any:
        """Frame and panel, uint8 ``(360, w, 3)``."""
        frame = self.env.render()
        taught = np.any(np.asarray(self._info.get("teacher_weight", 0.0)) > 0)
        prior = self._info.get("teacher_prior") if taught else None
        return draw_bars(np.asarray(frame), self._names, prior)
