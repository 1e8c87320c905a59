"""What advice led to: taken down from envs of every kind, saved, merged, and fitting only there."""

import json
import math

import gymnasium as gym
import pytest

from gym_llmteacher import Experience, ExperienceError, GroundingWrapper, ScriptedTeacher, play
from gym_llmteacher.experience.origin import Origin
from gym_llmteacher.playing.record import Episode, Step
from tests.echo import DOOR, KINDS, LATE, LENGTH, WRONG, taught

HERE = Origin("Echo", "ActionGrounding", 1)


def step(place, option, *able):
    said = f"text of {place}"
    return Step((place,), (said,), (None,), 0, (option,), (place,), (able or (option,),))


def episode(*trail, won=True, ended="terminated"):
    return Episode(float(won), len(trail), won, ended, steps=tuple(step(*each) for each in trail))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_filled_from_every_kind_of_env(kind):
    env = KINDS[kind]()
    experience = Experience().add(play(env, "teacher", 6, seed=3, deterministic=True, texts=True))
    assert (experience.episodes, experience.wins, experience.steps) == (6, 6, 6 * LENGTH)
    places = {place.text: place for place in experience.places.values()}
    assert set(places) <= {"echo 0", "echo 1", "echo 2"}
    for text, place in places.items():
        tally = place.options[text[-1]]
        assert (tally.tries, tally.wins, tally.rate) == (place.won, place.won, 1.0)
        assert tally.returns == LENGTH * tally.tries
        assert place.endings == {"terminated": place.won}
    if hasattr(env, "close"):
        env.close()


@pytest.mark.parametrize("kind", LATE)
def test_late_advice_is_taken_down_too(kind):
    record = play(LATE[kind](), "teacher", 2, deterministic=True, texts=True)
    steps = [step for episode in record.episodes for step in episode.steps]
    assert all(step.options == (step.texts[0][-1],) for step in steps)
    assert all(step.advices[0] is not None for step in steps)


def test_a_wrong_teacher_loses_where_it_was_wrong():
    experience = Experience().add(play(lambda: taught(WRONG), "teacher", 4, texts=True))
    assert (experience.wins, experience.lost_in_a_row) == (0, 4)
    worst, *_ = experience.worst(1)
    assert worst.last >= 1
    for place in experience.places.values():
        wrong = str((int(place.text[-1]) + 1) % 3)
        assert list(place.options) == [wrong]
        assert place.options[wrong].rate == 0.0


def test_what_is_done_without_advice_is_nobodys_option():
    record = play(taught(ScriptedTeacher(lambda here: ("0",))), lambda *_: [2], 1, texts=True)
    assert [s.options for s in record.episodes[0].steps] == [(None,)] * LENGTH


def test_credit_goes_to_the_way_out_and_not_to_the_circle():
    experience = Experience()
    experience.add_episode(
        episode(("a", "round"), ("b", "back"), ("a", "on"), ("a", "on"), ("c", "on"))
    )
    tally = {key: experience.tally(*key) for key in [("a", "round"), ("a", "on"), ("b", "back")]}
    assert [(t.tries, t.wins) for t in tally.values()] == [(1, 0), (1, 1), (1, 1)]
    assert tally["a", "on"].left == 3  # from its first use
    assert tally["b", "back"].left == 4
    assert tally["a", "on"].value(33.0) > tally["b", "back"].value(33.0) > 0.0


def test_what_is_found_later_counts_for_the_way_there():
    experience = Experience()
    for _ in range(3):
        experience.add_episode(episode(("a", "to b"), ("b", "wrong"), won=False))
    assert experience.value("a", "to b") == 0.0
    experience.add_episode(episode(("c", "to b"), ("b", "right")))
    assert experience.values.of["b"] > 0.6
    experience.add_episode(episode(("a", "round"), ("c", "to b"), ("b", "right")))
    assert experience.tally("a", "to b").value(33.0) == 0.0  # by its own returns
    assert experience.value("a", "to b") > 0.4
    assert experience.tally("a", "to b").led == {"b": [3.0, 1.0]}
    assert experience.tally("b", "wrong").led == {"lost": [3.0, 1.0]}


def test_what_was_never_used_is_worth_what_it_was_where_the_same_was_said():
    experience = Experience()
    experience.add_episode(episode(("door-1", "open")))
    known = experience.value("door-1", "open")
    assert known > 0.9
    assert experience.value("door-3", "open") == known
    assert math.isnan(experience.value("key-3", "open"))
    assert math.isnan(experience.value("door-3", "fly"))
    experience.add_episode(episode(("door-3", "round", "round", "open"), won=False))
    assert experience.values.of["door-3"] == pytest.approx(known)  # of what is able, used or not


def test_recent_episodes_count_more():
    experience = Experience()
    for won in [True] * 20 + [False] * 5:
        experience.add_episode(episode(("a", "go"), won=won))
    tally = experience.tally("a", "go")
    assert (tally.tries, tally.wins) == (25, 20)
    assert tally.rate == pytest.approx(0.8**5)
    assert experience.lost_in_a_row == 5


@pytest.mark.parametrize(
    ("goal", "reward", "won"), [(None, 0.1, True), (None, 0.0, False), (475.0, 200.0, False)]
)
def test_where_the_env_does_not_tell_the_return_does(goal, reward, won):
    assert Experience(goal=goal).won(Episode(reward, 3, None, "truncated")) is won


def test_a_file_is_read_back_and_can_be_read_by_people(tmp_path):
    experience = Experience(HERE, goal=0.5)
    experience.add_episode(episode(("a", "go\ud800"), ("b", "on")))
    experience.add_episode(episode(("a", "go\ud800"), won=False, ended="truncated"))
    experience.save(tmp_path / "new" / "experience.json")
    again = Experience.load(tmp_path / "new" / "experience.json", HERE)
    assert again.as_dict() == experience.as_dict()
    experience.settle()
    assert again.values.of == experience.values.of
    assert again.tally("a", "go\ud800").tries == 2
    text = (tmp_path / "new" / "experience.json").read_text()
    assert '"text": "text of a"' in text
    assert "\n" in text


def test_merged_is_as_if_one_had_seen_both():
    one, two, both = Experience(HERE), Experience(HERE), Experience(HERE)
    for i in range(4):
        trail = episode(("a", "go"), *[("b", "on")] * i, won=i % 2 == 0)
        (one if i < 2 else two).add_episode(trail)
        both.add_episode(trail)
    merged = one.merge(two)
    assert (merged.episodes, merged.wins, merged.steps) == (4, 2, both.steps)
    ours, theirs = merged.tally("a", "go"), both.tally("a", "go")
    assert (ours.tries, ours.wins, ours.returns) == (theirs.tries, theirs.wins, theirs.returns)
    assert ours.rate == pytest.approx(theirs.rate)
    assert ours.left == pytest.approx(theirs.left)
    assert merged.places["b"].endings == {"terminated": 3}
    assert merged.length == pytest.approx(both.length)
    assert ours.led == theirs.led


def test_it_fits_nowhere_else(tmp_path):
    env = GroundingWrapper(gym.make(DOOR))
    assert env.origin() == Origin("LLMTeacher/SimpleDoorKey", "DoorKeyGrounding", 1)
    Experience(HERE).save(tmp_path / "e.json")
    with pytest.raises(ExperienceError, match=r"is of Echo, ActionGrounding version 1; expected"):
        Experience.load(tmp_path / "e.json", env.origin())
    with pytest.raises(ExperienceError, match="version 2"):
        Experience(HERE).merge(Experience(HERE._replace(version=2)))


def spoiled_way(values, led):
    values["places"]["a"]["options"]["go"]["led"] = led
    return values


@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: [],
        lambda values: {**values, "format": 2},
        lambda values: {**values, "places": {"a": {"text": "t"}}},
        lambda values: {**values, "length": float("nan")},
        lambda values: {**values, "places": {"a": {**values["places"]["a"], "options": {"x": 3}}}},
        lambda values: {key: value for key, value in values.items() if key != "origin"},
        lambda values: spoiled_way(values, {"won": [1.0]}),
        lambda values: spoiled_way(values, {"won": [1.0, -1e9]}),
        lambda values: spoiled_way(values, {"won": [1.0, "far"]}),
        lambda values: spoiled_way(values, ["won"]),
    ],
)
def test_other_files_are_refused_in_words(tmp_path, spoil):
    experience = Experience(HERE)
    experience.add_episode(episode(("a", "go")))
    path = tmp_path / "e.json"
    path.write_text(json.dumps(spoil(experience.as_dict())))
    with pytest.raises(ExperienceError, match="practise anew"):
        Experience.load(path)
    path.write_text("{")
    with pytest.raises(ExperienceError, match="cannot be read"):
        Experience.load(path)
    with pytest.raises(ExperienceError, match="cannot be read"):
        Experience.load(tmp_path / "none.json")
