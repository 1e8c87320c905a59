"""Maps in the mirror: what is advised there is what the mirrored action does."""

import gymnasium as gym
import numpy as np
import pytest

from gym_llmteacher import mirror_map


@pytest.mark.parametrize("task", ["SimpleDoorKey", "LavaDoorKey", "DivergedDoorKey"])
def test_in_the_mirror_left_is_right(task):
    """What an action does to the mirrored map is what the mirrored action does to the map."""
    env = gym.make(f"LLMTeacher/{task}-v0")
    rng, turned, moved = np.random.default_rng(0), 0, 0
    for seed in range(4):
        obs, _ = env.reset(seed=seed)
        for _ in range(60):
            action = int(rng.choice([0, 1, 2, 2]))
            after, _, terminated, truncated, _ = env.step(action)
            prior = np.eye(7, dtype=np.float32)[[action, action]]
            maps, priors = mirror_map(np.stack([obs, after]), prior)
            (x, y, heading), (u, v, now) = (pose(m) for m in maps)
            right = int(priors[0].argmax())
            if right < 2:
                assert (u, v) == (x, y)
                assert now == (heading + (1 if right == 1 else -1)) % 4
                turned += 1
            else:
                step = [(1, 0), (0, 1), (-1, 0), (0, -1)][heading]
                assert now == heading
                assert (u - x, v - y) in (step, (0, 0))
                moved += (u, v) != (x, y)
            twice, again = mirror_map(maps, priors)
            np.testing.assert_array_equal(twice, np.stack([obs, after]))
            np.testing.assert_array_equal(again, prior)
            obs = after
            if terminated or truncated:
                break
    assert turned > 20
    assert moved > 20


def pose(seen):
    x, y = np.argwhere(seen[..., -1] > 0)[0]
    return int(x), int(y), int(seen[x, y, -1]) - 1


def test_what_is_no_map_is_not_mirrored():
    with pytest.raises(ValueError, match=r"\(5, 2\).*expected maps"):
        mirror_map(np.zeros((5, 2), np.uint8), np.zeros((5, 7), np.float32))


@pytest.mark.parametrize(
    ("maps", "priors"),
    [((5, 2), (5, 7)), ((1, 2, 3, 4), (7,)), ((1, 2, 3, 4), (1, 1)), ((1, 2, 3, 4), (1, 1, 7))],
)
def test_shapes_that_are_not_mirrored(maps, priors):
    with pytest.raises(ValueError, match="expected maps"):
        mirror_map(np.zeros(maps, np.uint8), np.zeros(priors, np.float32))


def test_a_map_of_one_cell_and_two_actions_is_mirrored_and_the_given_arrays_stay():
    maps, priors = np.array([[[[7, 4]]]], np.uint8), np.array([[0.75, 0.25]], np.float32)
    mirrored, advice = mirror_map(maps, priors)
    assert (mirrored.tolist(), mirrored.dtype) == ([[[[7, 2]]]], np.uint8)
    assert (advice.tolist(), advice.dtype) == ([[0.25, 0.75]], np.float32)
    assert (maps.tolist(), priors.tolist()) == ([[[[7, 4]]]], [[0.75, 0.25]])
