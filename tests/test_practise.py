"""A teacher that practises before it teaches: wrong answers are found out, right ones kept."""

import pickle

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import (
    Advice,
    Experience,
    ExperienceError,
    GroundingWrapper,
    LLMTeacherWrapper,
    MultiDiscreteGrounding,
    PractisedTeacher,
    ScriptedTeacher,
    SimulatedTeacher,
    Situation,
    TeacherSpecError,
    play,
    practise,
)
from gym_llmteacher.experience.origin import Origin
from gym_llmteacher.practice.choosing import choose, floor_of, practised, table_of
from gym_llmteacher.teachers.check import check_decorator, example_situations
from gym_llmteacher.testing import check_teacher
from tests.command_line import run

LAVA = "LLMTeacher/LavaDoorKey-v0"
EXPERT = ScriptedTeacher.named("door_key_planner")


def make():
    return gym.make(LAVA)


def alone(teacher, episodes=40):
    return play(make, teacher, episodes, seed=90_000).success


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 0.7])
def test_a_wrong_teacher_gets_right_by_practice(accuracy):
    inner = SimulatedTeacher(EXPERT, accuracy, seed=101)
    before = alone(inner, 20)
    teacher = practise(inner, make, 8_000, seed=5)
    assert before < 0.5
    assert alone(teacher) >= 0.85
    assert teacher.report["stopped"] == "enough"
    assert teacher.steps < 6_000


def test_the_way_gets_short_too():
    """First it finds some way, here by exploring all of the room (46 steps); then a shorter one."""
    teacher = practise(SimulatedTeacher(EXPERT, 0.3, seed=103), make, 8_000, seed=103_000)
    record = play(make, teacher, 40, seed=90_000)
    shortest = play(make, EXPERT, 40, seed=90_000)
    assert record.success >= 0.95
    assert np.mean([e.length for e in record.episodes]) < 1.5 * np.mean(
        [e.length for e in shortest.episodes]
    )


def test_a_right_teacher_is_left_right():
    teacher = practise(EXPERT, make, 8_000)
    assert alone(teacher) == 1.0
    # Twenty episodes as it would be taught, of some 21 steps; and a few that try other things.
    assert teacher.report["episodes"] <= 45
    often = [place for place in teacher.experience.places.values() if place.episodes >= 10]
    assert len(often) >= 5
    for place in often:  # a shorter way may be an option nobody has thought of
        assert set(place.options) == set(place.able)


def test_the_same_seed_gives_the_same_practice():
    inner = SimulatedTeacher(EXPERT, 0.3, seed=100)
    one, two, other = (practise(inner, make, 1_000, seed=seed) for seed in (3, 3, 4))
    assert one.experience.as_dict() == two.experience.as_dict()
    assert one.experience.as_dict() != other.experience.as_dict()


def test_every_step_is_counted_and_no_more_are_taken():
    class Counted(gym.Wrapper):
        steps = 0

        def step(self, action):
            Counted.steps += 1
            return super().step(action)

    teacher = practise(SimulatedTeacher(EXPERT, 0.0, 100), lambda: Counted(make()), 700)
    assert (teacher.steps, teacher.report["stopped"]) == (700, "steps")
    assert Counted.steps == 700


def test_it_goes_on_from_a_file(tmp_path):
    path = tmp_path / "experience.json"
    inner = SimulatedTeacher(EXPERT, 0.0, 100)
    first = practise(inner, make, 600, experience=path)
    more = practise(inner, make, 600, seed=50, experience=path)
    assert more.experience.episodes == first.report["episodes"] + more.report["episodes"]
    assert Experience.load(path).as_dict() == more.experience.as_dict()
    again = practise(more, make, 300, seed=90)  # a practised one goes on from what it knows
    assert again.experience.episodes > more.report["episodes"] + first.report["episodes"]
    assert again.teacher is inner


def test_experience_of_another_env_is_refused():
    known = Experience(Origin("LLMTeacher/SimpleDoorKey", "DoorKeyGrounding", 1))
    with pytest.raises(ExperienceError, match="SimpleDoorKey"):
        practise(EXPERT, make, 100, experience=known)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"steps": 0}, "steps is 0"), ({"enough": 0.0}, "enough is 0.0")],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(TeacherSpecError, match=message):
        practise(EXPERT, make, **arguments)


def test_an_env_with_a_teacher_is_refused():
    with pytest.raises(TeacherSpecError, match="has a teacher already"):
        practise(EXPERT, LLMTeacherWrapper(make(), EXPERT), 10)


class Corridor(gym.Env):
    """Six cells, the goal on the right; options are single actions. It does not tell of success."""

    observation_space = gym.spaces.Discrete(7)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell, self.left = 3, 12
        return self.cell, {}

    def step(self, action):
        self.cell += 2 * int(action) - 1
        self.left -= 1
        return self.cell, float(self.cell == 6), self.cell in (0, 6), self.left == 0, {}


class Pair(Corridor):
    """The same with two dimensions: both have to say right."""

    action_space = gym.spaces.MultiDiscrete([2, 2])

    def step(self, action):
        return super().step(int(action[0] == 1 and action[1] == 1))


def left(situation):
    return (situation.options[0],)


def test_options_that_are_single_actions():
    from gym_llmteacher import ActionGrounding

    grounding = ActionGrounding(lambda obs: f"cell {obs}", ["left", "right"], "go right")
    teacher = practise(ScriptedTeacher(left), Corridor, 3_000, grounding=grounding)
    assert (
        play(
            lambda: LLMTeacherWrapper(Corridor(), teacher, grounding), "teacher", 20
        ).returns.mean()
        > 0.9
    )


def test_several_action_dimensions():
    grounding = MultiDiscreteGrounding(
        lambda obs: f"cell {obs}", {"one": ["left", "right"], "two": ["left", "right"]}, "go right"
    )
    teacher = practise(ScriptedTeacher(left), Pair, 6_000, grounding=grounding)
    wrapped = LLMTeacherWrapper(Pair(), teacher, grounding)
    assert play(wrapped, "teacher", 20).returns.mean() > 0.8


def test_the_protocol_is_kept():
    assert check_decorator(lambda inner: PractisedTeacher(inner, Experience())) == []
    teacher = practise(SimulatedTeacher(EXPERT, 0.3, 100), make, 2_000)
    env = GroundingWrapper(make())
    situations = []
    _, info = env.reset(seed=0)
    for _ in range(60):
        situations.append(info["teacher_situation"])
        info = env.step(env.action_space.sample())[-1]
        if info["teacher_situation"] is None:
            _, info = env.reset()
    different = {s.place: s for s in situations}
    assert check_teacher(teacher, list(different.values()), env) == []
    again = pickle.loads(pickle.dumps(teacher))
    assert again.advise(situations) == teacher.advise(situations)
    assert again.report == teacher.report


def test_advice_follows_what_applies_now():
    """The words stay the same when what was advised is done; the answer must not be kept."""
    text, options = "sees key", ("go to key", "pick up key", "explore")
    far = Situation(text, options, np.eye(3, dtype=np.float32) * [[1], [0], [1]])
    near = Situation(text, options, np.eye(3, dtype=np.float32) * [[0], [1], [1]])
    assert far.key == near.key
    assert (far.able, near.able) == (("go to key", "explore"), ("pick up key", "explore"))
    experience = Experience()
    from gym_llmteacher.experience.tally import Place, Tally

    for here, option in ((far, "go to key"), (near, "pick up key")):
        good, bad = Tally(5, 5, 5.0, 1.0, 3.0), Tally(5, 0)
        experience.places[here.place] = Place(text, 5, 5, options={option: good, "explore": bad})
    teacher = PractisedTeacher(ScriptedTeacher(lambda here: ("explore",)), experience)
    for here, best in ((far, "go to key"), (near, "pick up key")):
        (advice,) = teacher.advise([here])
        assert max(advice.plans, key=lambda pair: pair[1])[0][0] == best
    assert teacher.cached(far).plans[0][0][0] != teacher.cached(near).plans[0][0][0]


def test_the_prior_is_believed_less_the_more_is_lost():
    experience = Experience()
    floors = []
    for lost in (0, 5, 50):
        experience.lost_in_a_row = lost
        floors.append(floor_of(experience))
    assert floors == pytest.approx([0.1, 1 - 0.9 * np.exp(-1), 1.0], abs=1e-3)


def test_who_has_not_tried_says_what_it_was_told():
    here = example_situations()[0]
    said = Advice(((("go left",), 1.0),))
    assert practised(table_of(here, said, Experience()), said) is said
    table = table_of(here, said, Experience())
    drawn = {choose(table, [0.0, 0.0], np.random.default_rng(i)) for i in range(20)}
    assert drawn == {"go left"}
    assert choose(table, [30.0, 0.0], np.random.default_rng(0)) == "go right"
    nothing = Situation("stuck", ("go",), np.zeros((1, 2), dtype=np.float32))
    assert choose(table_of(nothing, said, Experience()), [], np.random.default_rng(0)) is None


def test_the_command(tmp_path):
    out = tmp_path / "e.json"
    text = run("practise", "--teacher", "script:door_key_planner", "--episodes", "10", "--out", out)
    assert "Alone: 100% before, 100% after." in text
    assert "frames" in text
    assert Experience.load(out).origin.family == "LLMTeacher/LavaDoorKey"
