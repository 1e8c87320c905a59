"""What the Habitat adapter is made of, without habitat-lab."""

import importlib.util
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher.errors import HabitatMissingError, TeacherError
from gym_llmteacher.habitat import HabitatEnv, nav_pick_config
from gym_llmteacher.habitat.controls import Controls, slots_of
from gym_llmteacher.habitat.observations import Observations
from gym_llmteacher.habitat.skills import split_option
from gym_llmteacher.habitat.world import label

HERE = importlib.util.find_spec("habitat") is not None
LINE = r'pip install "gym-llmteacher\[habitat\]"'


@pytest.mark.skipif(HERE, reason="habitat-lab is installed")
@pytest.mark.parametrize("make", [nav_pick_config, lambda: HabitatEnv("nav_pick.yaml")])
def test_without_the_extra_the_line_that_installs_it_is_told(make):
    with pytest.raises(HabitatMissingError, match=LINE) as caught:
        make()
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, TeacherError)


@pytest.mark.skipif(HERE, reason="habitat-lab is installed")
def test_the_light_simulator_tells_the_same():
    done = subprocess.run(
        [sys.executable, "-c", "import gym_llmteacher.light_habitat"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert 'pip install "gym-llmteacher[habitat]"' in done.stderr.splitlines()[-1]


def test_slots_follow_the_order_of_actions_and_arguments():
    def box(n):
        return gym.spaces.Box(-1, 1, (n,), np.float32)

    actions = {
        "a": {"x": box(7), "grip_action": box(1)},
        "rearrange_stop": None,
        "z": {"y": box(2)},
    }
    slots = slots_of(actions)
    assert {name: (s.start, s.stop) for name, s in slots.items()} == {
        "x": (0, 7), "grip_action": (7, 8), "rearrange_stop": (8, 9), "y": (9, 11),
    }  # fmt: skip
    controls = Controls(actions)
    assert controls.size == 11
    # A zero would grasp, so an open hand is kept open and a closed one closed.
    for holding in (False, True):
        vector = controls.rest(holding)
        assert vector[7] == (1.0 if holding else -1.0)
        assert vector[8] == -1.0
        assert not vector[[0, 1, 2, 3, 4, 5, 6, 9, 10]].any()


def test_observations_become_pictures_and_one_vector():
    def box(*shape):
        return gym.spaces.Box(-9, 9, shape, np.float32)

    space = gym.spaces.Dict(
        {"head_depth": box(4, 5, 1), "obj_start_gps_compass": box(2), "localization_sensor": box(4)}
    )
    observations = Observations(space, ("apple", "mug"))
    assert observations.space["head_depth"].shape == (4, 5, 1)
    assert observations.space["state"].shape == (8,)
    given = {
        "head_depth": np.ones((4, 5, 1), np.float32),
        "obj_start_gps_compass": np.array([2.0, np.pi / 2], np.float32),
        "localization_sensor": np.array([1.0, 0.0, 3.0, np.pi], np.float32),
    }
    read = observations.read(given, "mug")
    assert observations.space.contains(read)
    np.testing.assert_allclose(
        read["state"][observations.slots["obj_start_gps_compass"]], [2, 0, 1], atol=1e-6
    )
    np.testing.assert_allclose(
        read["state"][observations.slots["localization_sensor"]], [1, 0, 3, -1, 0], atol=1e-6
    )
    assert read["goal"].tolist() == [0, 1]
    given["head_depth"][:] = 0
    assert read["head_depth"].all()  # a copy: simulators write into the same array again


@pytest.mark.parametrize(
    ("handle", "word"),
    [
        ("013_apple_:0000", "apple"),
        ("005_tomato_soup_can_:0003", "tomato soup can"),
        ("data/objects/ycb/025_mug.object_config", "mug"),
        ("frl_apartment_table_02_:0000", "table"),
        ("goal0|0", "goal0|0"),
    ],
)
def test_labels(handle, word):
    assert label(handle) == word


def test_options_are_split_into_skill_and_object():
    assert split_option("pick potted meat can") == ("pick", "potted meat can")
    assert split_option("navigate to table") == ("navigate", "table")
    assert split_option("drop") == ("drop", "")


def test_importing_the_adapter_imports_no_habitat():
    code = (
        "import sys, gym_llmteacher.habitat; "
        "print('habitat' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
