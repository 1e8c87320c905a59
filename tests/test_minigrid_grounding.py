"""Door-key maps in words and options: canonical, blind to what was not seen, and consistent."""

import json

import gymnasium as gym
import numpy as np
import pytest
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX

from gym_llmteacher.envs import TASKS, env_id
from gym_llmteacher.envs.visibility import VISIBLE, view_offsets
from gym_llmteacher.groundings.minigrid import (
    DoorKeyGrounding,
    MissionGrounding,
    grounding_for,
    supports,
)
from gym_llmteacher.groundings.minigrid.explore import best_looks, by_table
from gym_llmteacher.groundings.minigrid.known_map import known_map
from gym_llmteacher.llm.parse import parse_plan
from gym_llmteacher.llm.prompt import guide_messages

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)


def room(things=(), agent=(2, 2), heading=0, held=None, size=7, seen=True):
    """A map of an empty room, fully seen, as the envs encode it."""
    memory = np.zeros((size, size, 4), dtype=np.uint8)
    if seen:
        memory[..., :3] = (OBJECT_TO_IDX["wall"], COLOR_TO_IDX["grey"], 0)
        memory[1:-1, 1:-1, :3] = (OBJECT_TO_IDX["empty"], 0, 0)
    else:
        memory[agent][:3] = (OBJECT_TO_IDX["empty"], 0, 0)
    for kind, color, cell, *state in things:
        memory[cell][:3] = (OBJECT_TO_IDX[kind], COLOR_TO_IDX.get(color, 0), *(state or [0]))
    if held:
        memory[agent][:3] = (OBJECT_TO_IDX[held[0]], COLOR_TO_IDX[held[1]], 0)
    memory[agent][3] = heading + 1
    return memory


class Still:
    """An env that is nothing but a map."""

    mission = "get the key, then open the door"

    def __init__(self, memory):
        self.memory = memory

    @property
    def unwrapped(self):
        return self


def describe(grounding=None, **kwargs):
    return (grounding or DoorKeyGrounding()).describe(Still(room(**kwargs)), None)


def acts(situation):
    """What each option does now: {option: action or None}."""
    table = {}
    for option, row in zip(situation.options, situation.option_actions, strict=True):
        assert row.sum() in (0, 1)
        actions = np.flatnonzero(row).tolist()
        table[option] = (*actions,) if len(actions) > 1 else next(iter(actions), None)
    return table


LOCKED = 2
RED_KEY, RED_DOOR = ("key", "red", (4, 2)), ("door", "red", (6, 4), LOCKED)
BLUE_KEY = ("key", "blue", (2, 4))


def test_an_empty_room():
    situation = describe()
    assert situation.text == "Agent sees <nothing>. Agent holds <nothing>."
    assert acts(situation) == {"explore": None}  # there is nothing left to see
    assert situation.state == "The agent holds nothing."
    assert [subgoal.plan for subgoal in situation.subgoals] == [("explore",), ("explore",)]


def test_key_ahead():
    situation = describe(things=[("key", "red", (3, 2)), RED_DOOR])
    assert situation.text == "Agent sees <key>, <door>. Agent holds <nothing>."
    assert acts(situation) == {
        "explore": None,
        "go to key": None,  # done: it is ahead
        "pick up key": PICK_UP,
        "go to door": RIGHT,  # the key is in the way
    }
    plans = {subgoal.name: subgoal.plan for subgoal in situation.subgoals}
    assert plans == {"key": ("go to key", "pick up key"), "door": ("go to door",)}


def test_key_in_hand_before_the_door():
    situation = describe(things=[RED_DOOR], agent=(5, 4), heading=0, held=("key", "red"))
    assert situation.text == "Agent sees <door>. Agent holds <key>."
    assert acts(situation)["open door"] == TOGGLE
    assert acts(situation)["go to door"] is None
    assert situation.state == "The agent holds the key."
    assert {n.name: n.plan for n in situation.subgoals}["door"] == ("go to door", "open door")


def test_colours_by_order_of_appearance_and_only_where_they_matter():
    grounding = DoorKeyGrounding()
    one = describe(grounding, things=[BLUE_KEY])
    assert one.text == "Agent sees <key>. Agent holds <nothing>."
    both = describe(grounding, things=[BLUE_KEY, RED_KEY, RED_DOOR])
    assert both.text == (
        "Agent sees <color1 key>, <color2 key>, <color2 door>. Agent holds <nothing>."
    )
    plans = {subgoal.name: subgoal.plan for subgoal in both.subgoals}
    assert plans["key"] == ("go to color2 key", "pick up color2 key")  # the one that fits
    # The same scene in other colours reads the same.
    other = DoorKeyGrounding()
    describe(other, things=[("key", "green", (2, 4))])
    again = describe(
        other,
        things=[
            ("key", "green", (2, 4)),
            ("key", "purple", (4, 2)),
            ("door", "purple", (6, 4), LOCKED),
        ],
    )
    assert again.text == both.text
    np.testing.assert_array_equal(again.option_actions, both.option_actions)


def test_a_key_that_fits_nothing_is_put_down_for_the_one_that_does():
    situation = describe(things=[RED_KEY, RED_DOOR], held=("key", "blue"))
    assert situation.state == "The agent holds nothing useful."
    assert "open color1 door" not in situation.options
    plan = {n.name: n.plan for n in situation.subgoals}["key"]
    assert [step.split()[0] for step in plan] == ["drop", "go", "pick"]
    assert not any(option.startswith("pick up") for option in situation.options)


def test_nothing_is_dropped_in_the_way_of_a_door():
    beside_door = describe(things=[RED_DOOR], agent=(4, 4), heading=0, held=("key", "blue"))
    (drop,) = [o for o in beside_door.options if o.startswith("drop")]
    assert acts(beside_door)[drop] == (LEFT, RIGHT)  # ahead is the cell before the door
    elsewhere = describe(things=[RED_DOOR], agent=(2, 2), heading=0, held=("key", "blue"))
    assert acts(elsewhere)[drop] == DROP


def test_lava_is_walked_around():
    # Straight ahead is lava; the key is behind it.
    lava = ("lava", "red", (3, 2))
    situation = describe(things=[lava, RED_KEY], agent=(2, 2), heading=0)
    assert acts(situation)["go to key"] == (LEFT, RIGHT)


def test_an_unreachable_thing_gives_no_action():
    walls = [("wall", "grey", cell) for cell in ((4, 1), (4, 2), (4, 3), (4, 4), (4, 5))]
    situation = describe(things=[*walls, ("key", "red", (5, 2))])
    assert acts(situation)["go to key"] is None


def test_the_view_with_most_unseen_cells_per_step_wins():
    cells = room(seen=False, agent=(3, 3))[..., :3]
    cells[2:5, 2:5] = (OBJECT_TO_IDX["empty"], 0, 0)
    known = known_map(cells, 3 * 7 + 3)
    ((cell, heading, opens),) = best_looks(known, 3 * 7 + 3, 0, view=3)
    # One step ahead shows two new rows of three for one action; nothing shows more per action.
    assert (cell, heading, opens) == (4 * 7 + 3, 0, False)
    assert by_table(known, cell, heading) == 6


@pytest.mark.parametrize("task", TASKS)
def test_the_count_is_what_a_look_would_show(task):
    """Against the env's own rule of sight, on maps as they come up in play."""
    env = gym.make(env_id(task)).unwrapped
    env.action_space.seed(1)
    obs, _ = env.reset(seed=4)
    compared = 0
    for _ in range(40):
        width, height = obs.shape[:2]
        x, y = np.argwhere(obs[..., 3])[0].tolist()
        known = known_map(obs[..., :3], x * height + y)
        for cell in range(width * height):
            for heading in range(4):
                if not known.walkable >> cell & 1:
                    continue
                u, v = divmod(cell, height)
                view = [(u + dx, v + dy) for dx, dy in view_offsets(heading)]
                inside = [0 <= a < width and 0 <= b < height for a, b in view]
                bits = [a * height + b for a, b in view]
                opaque = sum(
                    1 << i for i in range(9) if not inside[i] or known.opaque >> bits[i] & 1
                )
                shown = [i for i in range(9) if inside[i] and VISIBLE[opaque] >> i & 1]
                expected = sum(known.unknown >> bits[i] & 1 for i in shown)
                assert by_table(known, cell, heading) == expected
                compared += expected > 0
        obs, *_ = env.step(env.action_space.sample())
    assert compared > 100


@pytest.mark.parametrize("task", TASKS)
def test_no_peeking(task):
    """The description depends on nothing the agent has not seen."""
    env = gym.make(env_id(task)).unwrapped
    grounding, blind = DoorKeyGrounding(), DoorKeyGrounding()
    env.action_space.seed(0)
    for seed in range(4):
        obs, _ = env.reset(seed=seed)
        grounding.reset(env)
        blind.reset(env)
        for _ in range(100):
            full = grounding.describe(env, obs)
            known = blind.describe(Still(obs.copy()), None)
            assert full.text == known.text
            assert full.options == known.options
            np.testing.assert_array_equal(full.option_actions, known.option_actions)
            obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                break


@pytest.mark.parametrize("task", TASKS)
def test_equal_texts_mean_equal_questions(task):
    """Answers are shared by text: everything a prompt is made of must be equal where it is."""
    env = gym.make(env_id(task)).unwrapped
    grounding, known = DoorKeyGrounding(), {}
    env.action_space.seed(0)
    for seed in range(30):
        obs, _ = env.reset(seed=seed)
        grounding.reset(env)
        for _ in range(80):
            here = grounding.describe(env, obs)
            question = (here.task, here.state, here.options, here.subgoals)
            assert known.setdefault(here.text, question) == question
            obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                break
    assert 1 < len(known) < 40


def test_only_our_maps_are_supported():
    assert supports(gym.make(env_id("LavaDoorKey")))
    assert not supports(gym.make("CartPole-v1"))


@pytest.mark.parametrize("grounding", [DoorKeyGrounding, MissionGrounding])
def test_the_example_reads_like_the_questions_that_come_after_it(grounding):
    task, text, _, *lines = grounding.example.splitlines()
    options = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    quoted = (json.loads(line.split(": ", 1)[1]) for line in (task, text))
    question = guide_messages(*quoted, options)[-1]["content"]
    assert grounding.example.startswith(question + "\n1. ")
    assert parse_plan(grounding.example, options) == ("go to egg", "pick up egg")
    # A right answer to a door-key question is not to be copied from it.
    assert "key" not in grounding.example
    assert "door" not in grounding.example


@pytest.mark.parametrize("level", [env_id("SimpleDoorKey"), "MiniGrid-DoorKey-5x5-v0"])
def test_the_example_is_part_of_the_situation(level):
    env = gym.make(level)
    obs, _ = env.reset(seed=0)
    grounding = grounding_for(env)
    assert grounding.describe(env, obs).example == grounding.example != ""
