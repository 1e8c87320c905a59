"""Habitat in words, and the teacher's prior over both kinds of actions."""

import numpy as np
import pytest

from gym_llmteacher import GroundingWrapper, LLMTeacherWrapper, ScriptedTeacher
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.habitat import HabitatGrounding
from gym_llmteacher.wrappers.options import OptionsWrapper


def get_target(situation):
    """The plan for what the task names."""
    return {subgoal.name: subgoal.plan for subgoal in situation.subgoals}[
        situation.task.split(" the ", 1)[1]
    ]


def test_words(make_env):
    env = GroundingWrapper(make_env())
    situation = env.reset(seed=0)[1]["teacher_situation"]
    target = env.unwrapped.world.target
    assert situation.task == f"get the {target}"
    assert situation.state == "The robot holds nothing."
    assert situation.text.startswith(f"The robot is to get the {target}. It holds <nothing>. ")
    assert f"<{target}>" in situation.text
    assert {subgoal.name for subgoal in situation.subgoals} == set(env.unwrapped.world.things)
    assert "wait" not in situation.options
    things = env.unwrapped.world.things
    objects = [word for word in things if word in env.unwrapped.world.objects]
    assert len(objects) > 1
    assert len(situation.options) == len(things) + len(objects) + 1


def test_distances_are_said_when_asked_for(make_env):
    env = make_env()
    obs, _ = env.reset(seed=0)
    said = HabitatGrounding(distances=0.1).describe(env, obs).text
    far, _ = env.world.polar(env.world.position(env.world.target))
    assert f"<{env.world.target}> {round(far, 1):.3g} m away" in said
    assert " m away" not in HabitatGrounding().describe(env, obs).text
    for wrong in (0, -1.0):
        with pytest.raises(GroundingError, match="expected metres above 0, or None"):
            HabitatGrounding(distances=wrong)


@pytest.mark.parametrize("actions", ["options", "primitives"])
def test_the_prior_is_what_the_option_does_now(make_env, actions):
    env = LLMTeacherWrapper(make_env(actions), ScriptedTeacher(get_target), smoothing=0.0)
    _, info = env.reset(seed=1)
    robot = env.unwrapped
    while True:
        options = (f"navigate to {robot.world.target}", f"pick {robot.world.target}")
        doing = next(a for o in options if (a := robot.option_action(o)) is not None)
        assert info["teacher_weight"] == 1.0
        assert info["teacher_prior"][doing] == 1.0
        _, _, terminated, truncated, info = env.step(doing)
        if terminated or truncated:
            break
    assert info["is_success"]
    assert info["teacher_weight"] == 0.0  # nothing is asked about the end


def test_few_texts_and_no_finished_option(make_env):
    env = GroundingWrapper(make_env("primitives"))
    texts = set()
    _, info = env.reset(seed=2)
    rng = np.random.default_rng(0)
    for _ in range(150):
        situation = info["teacher_situation"]
        texts.add(situation.text)
        rows = np.asarray(situation.option_actions)
        held = env.unwrapped.world.holding
        assert rows[situation.options.index("drop")].any() == (held is not None)
        for option, row in zip(situation.options, rows, strict=True):
            if option.startswith("pick "):
                near = env.unwrapped.world.graspable(env.unwrapped.reach)
                assert row.any() == (held is None and option == f"pick {near}")
        *_, terminated, truncated, info = env.step(rng.choice(3, p=[0.6, 0.2, 0.2]))
        if terminated or truncated:
            _, info = env.reset()
    assert len(texts) < 20


def test_two_options_fetch_the_target(make_env):
    base = make_env()
    wait = base.options.index("wait")
    env = LLMTeacherWrapper(
        OptionsWrapper(base, base.options[:wait], noop_action=wait, max_length=300),
        ScriptedTeacher(get_target),
    )
    _, info = env.reset(seed=0)
    frames = []
    for _ in range(2):
        *_, terminated, _, info = env.step(int(info["teacher_prior"].argmax()))
        frames.append(info["option_steps"])
    assert terminated
    assert info["is_success"]
    assert frames[0] >= frames[1] == 1
