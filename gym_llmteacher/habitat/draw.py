"""Pictures of a `HabitatEnv`: the map from above with the way, and the depth view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gym_llmteacher.habitat.world import World

_METRES_PER_PIXEL = 0.025
_FLOOR, _SOLID = (245, 245, 244), (168, 162, 158)
_INK, _ROBOT, _TARGET, _THING = (31, 41, 55), (37, 99, 235), (217, 119, 6), (16, 130, 90)
_HALF, _MARGIN = 5, 22  # pixels
Box = tuple[float, float, float, float]
_FAR = 5.0  # metres, white in the depth view


class Scene(Protocol):
    """What is drawn of a `HabitatEnv`."""

    world: World

    @property
    def observation(self) -> dict[str, Any]: ...


def top_down(env: Scene, trail: Any = (), path: Any = ()) -> Image.Image:
    """Map of where the robot can be, with the robot and everything that has a name.

    :param trail: points ``(x, y, z)`` where it has been, metres
    :param path: points where it is to go
    """
    world, sim = env.world, env.world.sim
    low, _ = sim.pathfinder.get_bounds()
    ground = float(np.asarray(world.robot.base_pos)[1])
    free = np.asarray(sim.pathfinder.get_topdown_view(_METRES_PER_PIXEL, ground))
    colours = np.where(free[..., None], np.array(_FLOOR), np.array(_SOLID))
    plan = Image.fromarray(np.ascontiguousarray(colours, dtype=np.uint8))
    image = Image.new("RGB", (plan.width + 2 * _MARGIN, plan.height + 2 * _MARGIN), _FLOOR)
    image.paste(plan, (_MARGIN, _MARGIN))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)

    def pixel(point: Any) -> tuple[float, float]:
        return (
            _MARGIN + (float(point[0]) - float(low[0])) / _METRES_PER_PIXEL,
            _MARGIN + (float(point[2]) - float(low[2])) / _METRES_PER_PIXEL,
        )

    for points, colour, width in ((trail, _ROBOT, 3), (path, _TARGET, 2)):
        if len(points) > 1:
            draw.line([pixel(p) for p in points], fill=colour, width=width)
    x, y = pixel(world.robot.base_pos)
    taken: list[Box] = [(x - 14, y - 14, x + 14, y + 14)]  # no label on the robot
    for word in world.things:
        x, y = pixel(world.position(word))
        if word in world.objects:
            colour = _TARGET if word == world.target else _THING
            draw.ellipse((x - _HALF, y - _HALF, x + _HALF, y + _HALF), fill=colour)
            taken.append((x - _HALF, y - _HALF, x + _HALF, y + _HALF))
    for word in world.things:
        if word == world.holding:
            continue
        x, y = pixel(world.position(word))
        thing = word in world.objects
        colour = _INK if not thing else _TARGET if word == world.target else _THING
        size = draw.textbbox((0, 0), word, font=font, anchor="mm", stroke_width=2)
        box = free_box((x, y - 13 if thing else y), size, taken, image.size)
        taken.append(box)
        at = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        _write(draw, at, word, colour, font)
    x, y = pixel(world.robot.base_pos)
    yaw = float(world.robot.base_rot)
    corners = [(x + r * math.cos(yaw + a), y - r * math.sin(yaw + a))
               for a, r in ((0.0, 14), (2.5, 11), (-2.5, 11))]  # fmt: skip
    draw.polygon(corners, fill=_ROBOT)
    return image


def free_box(
    at: tuple[float, float], size: Box, taken: Sequence[Box], canvas: tuple[int, int]
) -> Box:
    """Where a label fits: the place nearest to ``at`` that meets no other box.

    :param size: the label's box around (0, 0), pixels

    >>> free_box((50, 50), (-10, -5, 10, 5), [(40, 45, 60, 55)], (100, 100))
    (14.0, 45.0, 34.0, 55.0)
    """
    middle_x, middle_y = (size[0] + size[2]) / 2, (size[1] + size[3]) / 2
    boxes = []
    for dx in range(-78, 79, 13):
        for dy in range(-78, 79, 13):
            x, y = at[0] + dx - middle_x, at[1] + dy - middle_y
            boxes.append((abs(dx) + 2 * abs(dy), abs(dy), -dy,
                          (x + size[0], y + size[1], x + size[2], y + size[3])))  # fmt: skip
    boxes.sort(key=lambda found: found[:3])
    for *_, box in boxes:
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= canvas[0] and box[3] <= canvas[1]
        if inside and not any(overlap(box, other) for other in taken):
            return box
    return boxes[0][3]


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes (left, top, right, bottom) share an area."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(draw: Any, at: tuple[float, float], text: str, colour: Any, font: Any) -> None:
    draw.text(at, text, fill=colour, font=font, anchor="mm", stroke_width=2, stroke_fill=_FLOOR)


def depth_view(env: Scene, size: int) -> Image.Image:
    """What the robot's head camera measures: the nearer, the darker; square."""
    camera = env.world.sim.sensor_suite.sensors["head_depth"].config
    depth = np.asarray(env.observation["head_depth"], np.float32)[..., 0]
    metres = depth * float(camera.max_depth) if camera.normalize_depth else depth
    grey = np.uint8(255 * np.clip(metres / _FAR, 0.0, 1.0))
    return Image.fromarray(grey).convert("RGB").resize((size, size), Image.Resampling.NEAREST)


def scene(env: Scene, trail: Any = (), path: Any = ()) -> NDArray[np.uint8]:
    """Map and depth view side by side, uint8 ``(h, w, 3)``."""
    left = top_down(env, trail, path)
    right = depth_view(env, left.height)
    canvas = Image.new("RGB", (left.width + right.width + 6, left.height), (255, 255, 255))
    canvas.paste(left, (0, 0))
    canvas.paste(right, (left.width + 6, 0))
    return np.asarray(canvas)
