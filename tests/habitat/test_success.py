"""Scripted options succeed, whatever the house."""

import numpy as np
import pytest

from tests.habitat.playing import play

# Tracing would double the time of so many steps; other tests take the same lines.
pytestmark = [pytest.mark.habitat_lab, pytest.mark.slow, pytest.mark.no_cover]


@pytest.mark.parametrize(("actions", "steps"), [("options", 60), ("primitives", 50)])
def test_navigate_then_pick_in_200_episodes(make_env, actions, steps):
    env = make_env(actions, light={"episodes": 200, "houses": 25, "seed": 1})
    played, results = set(), []
    for k in range(200):
        env.reset(seed=0 if k == 0 else None)
        played.add(env.habitat.current_episode.episode_id)
        success, length, *_ = play(env)
        results.append((success, length))
    assert len(played) == 200
    success, length = np.mean(results, axis=0)
    assert success >= 0.95
    assert length < steps


def test_fetching_the_wrong_thing_is_no_success_but_can_be_mended(make_env):
    env = make_env()
    env.reset(seed=0)
    target = env.world.target
    wrong = next(w for w in env.world.things if w in env.world.objects and w != target)
    for option in (f"navigate to {wrong}", f"pick {wrong}"):
        while (action := env.option_action(option)) is not None:
            _, reward, terminated, _, info = env.step(action)
            assert reward < 0
            assert not terminated
            assert not info["is_success"]
    assert env.world.holding == wrong
    success, *_ = play(env, lambda env: (*(("drop",) if env.world.holding else ()),
                                         f"navigate to {target}", f"pick {target}"))  # fmt: skip
    assert success


@pytest.fixture
def simulator():
    return "light"
