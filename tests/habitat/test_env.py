"""The adapter: the same bodies for the light simulator and for the real one."""

import gymnasium as gym
import habitat
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from habitat.core.environments import RLTaskEnv
from habitat.gym import make_gym_from_config
from habitat.gym.gym_wrapper import HabGymWrapper
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as sb3_check

from gym_llmteacher.errors import GroundingError
from gym_llmteacher.habitat import HabitatEnv
from gym_llmteacher.habitat.entities import MOVABLE
from tests.habitat.playing import play


@pytest.mark.parametrize("actions", ["options", "primitives", "raw"])
@pytest.mark.filterwarnings("ignore:.*Box.*:UserWarning")
def test_both_checkers_pass(make_env, actions):
    env = make_env(actions)
    sb3_check(env)
    gymnasium_check(env, skip_render_check=True)


def test_all_that_is_below_is_habitat_labs_own(make_env):
    env = make_env()
    assert type(env.habitat) is habitat.Env
    assert type(env._gym) is HabGymWrapper
    assert type(env._gym.env) is RLTaskEnv
    assert env.observation_space["head_depth"].shape == (32, 32, 1)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    assert obs["head_depth"].dtype == obs["state"].dtype == np.float32


def test_whatever_habitat_lab_gives_is_taken(config):
    built = habitat.Env(config())
    around = HabitatEnv(built, objects="all")
    assert around.habitat is built
    around.reset(seed=0)
    assert np.isfinite(around.step(0)[1])
    around.close()
    around.close()  # a second time does nothing
    made = make_gym_from_config(config())
    env = HabitatEnv(made, objects="all")
    assert env.habitat is made.unwrapped.habitat_env
    env.close()
    bare = RLTaskEnv(config())  # without a HabGymWrapper
    env = HabitatEnv(bare, objects="all")
    assert env.habitat is bare.habitat_env
    env.reset(seed=0)
    env.close()


def test_a_second_env_in_the_same_process_is_refused_while_one_is_open(config):
    first = HabitatEnv(config())
    with pytest.raises(GroundingError, match=r"expected none.*Cure: close\(\)"):
        HabitatEnv(config())
    first.reset(seed=0)  # which does the open one no harm
    first.close()
    HabitatEnv(config()).close()


def test_several_robots_are_refused(config):
    made = config()
    with habitat.config.read_write(made):
        made.habitat.simulator.agents_order = ["main_agent", "other_agent"]
    with pytest.raises(GroundingError, match=r"2 robots .main_agent, other_agent., expected one"):
        HabitatEnv(made)


def test_every_object_and_receptacle_of_the_episode_can_be_chosen(make_env):
    env = make_env(overrides=["habitat.task.end_on_success=False"])
    env.reset(seed=0)
    task, sim = env.habitat.task, env.habitat.sim
    entities = task.pddl_problem.get_ordered_entities_list()
    names = {entity.name for entity in entities}
    assert {"goal0|0", "TARGET_goal0|0", "robot_0", *sim.receptacles} <= names
    movable = [e for e in entities if task.pddl_problem.sim_info.check_type_matches(e, MOVABLE)]
    assert len(movable) == len(sim.scene_obj_ids) > 1  # each once, the target under one name
    # The two actions count in the same list; they had taken theirs when they were made.
    assert task.actions["oracle_nav_action"]._poss_entities == entities
    assert task.actions["pddl_apply_action"].entities == entities
    other = next(w for w in env.world.things if w in env.world.objects and w != env.world.target)
    place = next(w for w in env.world.things if w in env.world.places)
    for options in ([f"navigate to {place}"], [f"navigate to {other}", f"pick {other}"]):
        for option in options:
            for _ in range(250):
                if (action := env.option_action(option)) is None:
                    break
                env.step(action)
    assert env.world.holding == other


def test_a_seed_decides_and_reorders_the_episodes(make_env):
    env = make_env()

    def order(seed, n=4):
        ids = []
        for k in range(n):
            env.reset(seed=seed if k == 0 else None)
            ids.append(env.habitat.current_episode.episode_id)
        return ids

    assert order(0) == order(0)
    assert order(1) == order(1)
    orders = {tuple(order(seed)) for seed in range(6)}
    assert len(orders) > 3


def test_equal_seeds_and_actions_give_equal_episodes(make_env):
    env = make_env("primitives")

    def roll(seed=5):
        obs, _ = env.reset(seed=seed)
        seen = [obs]
        for action in [0, 1, 0, 2, 0, 0]:
            seen.append(env.step(action)[0])
        # The episode after it, which gets no seed, is decided as well: but for the heading, which
        # habitat-lab draws from numpy's global generator.
        env.reset()
        return seen, (env.habitat.current_episode.episode_id, tuple(env.world.robot.base_pos))

    (one, after), (two, later) = roll(), roll()
    for a, b in zip(one, two, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])
    assert after == later
    assert {tuple(roll(seed)[0][0]["state"]) for seed in range(4)} != {tuple(one[0]["state"])}


def test_a_seed_decides_where_the_robot_starts(make_env):
    """Also where another scene has to be loaded first, which renews the path finder."""
    env = make_env()

    def start(seed):
        env.reset(seed=seed)
        return env.habitat.current_episode.scene_id, tuple(env.world.robot.base_pos)

    starts = [start(seed) for seed in range(6)]
    assert [start(seed) for seed in range(5, -1, -1)] == starts[::-1]
    assert len(set(starts)) == 6


def test_the_step_limit_truncates(make_env):
    env = make_env(overrides=["habitat.environment.max_episode_steps=7"])
    env.reset(seed=0)
    wait = env.options.index("wait")
    ends = [env.step(wait)[2:4] for _ in range(7)]
    assert ends == [(False, False)] * 6 + [(False, True)]


def test_success_terminates_and_pays(make_env):
    env = make_env()
    env.reset(seed=0)
    success, steps, terminated, truncated = play(env)
    assert (success, terminated, truncated) == (True, True, False)
    assert steps > 1
    assert env.world.holding == env.world.target


def test_success_in_the_very_last_step_is_no_truncation(make_env):
    env = make_env()
    env.reset(seed=3)
    _, steps, *_ = play(env)
    env = make_env(overrides=[f"habitat.environment.max_episode_steps={steps}"])
    env.reset(seed=3)
    assert play(env) == (True, steps, True, False)


def test_where_success_ends_nothing_the_limit_truncates(make_env):
    limit = ["habitat.task.end_on_success=False", "habitat.environment.max_episode_steps=200"]
    env = make_env(overrides=limit)
    env.reset(seed=0)
    name = env.world.target
    steps, truncated = 0, False
    while not truncated:
        todo = (env.option_action(o) for o in (f"navigate to {name}", f"pick {name}", "wait"))
        action = next(a for a in todo if a is not None)
        _, _, terminated, truncated, info = env.step(action)
        steps += 1
        assert not terminated
    assert (steps, info["is_success"]) == (200, True)


def test_nothing_reads_the_stop_action_and_a_zero_grip_grasps(make_env):
    env = make_env("raw")
    env.reset(seed=0)
    assert env.action_space.shape == (11,)  # of 16: 5 are indices of entities
    stop = env.action_space.low * 0
    stop[-1] = 1.0
    stop[7] = -1.0
    *_, terminated, truncated, info = env.step(stop)
    assert (terminated, truncated, info["is_success"]) == (False, False, False)
    slots = env.controls.slots
    assert env.controls.rest(holding=False)[slots["grip_action"]] == -1.0
    assert env.controls.rest(holding=True)[slots["grip_action"]] == 1.0
    assert list(slots) == [
        "arm_action", "grip_action", "base_vel", "oracle_nav_action", "pddl_action",
        "rearrange_stop",
    ]  # fmt: skip
    assert env.controls.size == env._gym.action_space.shape[0] == 16


def test_ppo_learns_on_raw_actions(make_env):
    env = make_env("raw")
    assert np.abs(env.action_space.high).max() < 100
    PPO("MultiInputPolicy", env, n_steps=64, batch_size=32, n_epochs=1, device="cpu").learn(128)


def test_what_is_held_stays_held_until_it_is_dropped(make_env):
    env = make_env(overrides=["habitat.task.end_on_success=False"])
    env.reset(seed=0)
    name = env.world.target
    for option in (f"navigate to {name}", f"pick {name}"):
        while (action := env.option_action(option)) is not None:
            env.step(action)
    wait = env.options.index("wait")
    for _ in range(3):
        env.step(wait)
        assert env.world.holding == name
    env.step(env.option_action("drop"))
    assert env.world.holding is None
    assert env.option_action("drop") is None


def test_what_was_dropped_elsewhere_can_be_fetched_again(make_env):
    limits = ["habitat.task.end_on_success=False", "habitat.environment.max_episode_steps=2000"]
    env = make_env(overrides=limits)
    env.reset(seed=0)
    name = env.world.target
    far = max(
        (w for w in env.world.things if w in env.world.places),
        key=lambda w: env.world.polar(env.world.position(w))[0],
    )

    def carry_out(option, limit=300):
        for _ in range(limit):
            if (action := env.option_action(option)) is None:
                return
            env.step(action)

    before = env.world.position(name)
    for option in (f"navigate to {name}", f"pick {name}", f"navigate to {far}", "drop"):
        carry_out(option)
    assert env.world.holding is None
    assert np.linalg.norm(env.world.position(name) - before) > 2.0
    for other in [w for w in env.world.things if w in env.world.places and w != far][:1]:
        carry_out(f"navigate to {other}")
    for option in (f"navigate to {name}", f"pick {name}"):
        carry_out(option)
    assert env.world.holding == name


def test_a_pick_from_afar_does_nothing(make_env):
    env = make_env()
    for seed in range(20):
        env.reset(seed=seed)
        if env.world.polar(env.world.position(env.world.target))[0] > 2.5:
            break
    pick = env.options.index(f"pick {env.world.target}")
    assert env.option_action(f"pick {env.world.target}") is None
    env.step(pick)
    assert env.world.holding is None


def test_render(make_env):
    env = make_env(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 10
    assert make_env().render() is None


def test_errors_say_what_to_do(config, make_env):
    with pytest.raises(GroundingError, match="expected one of options, primitives, raw"):
        HabitatEnv(config(), actions="discrete")
    with pytest.raises(GroundingError, match=r"expected also oracle_nav_action, pddl_action.*Cure"):
        make_env(overrides=["habitat.gym.action_keys=[arm_action,base_velocity]"])
    env = make_env("raw")
    env.reset(seed=0)
    with pytest.raises(GroundingError, match="expected actions='options' or 'primitives'"):
        env.option_action("drop")
    assert isinstance(env.action_space, gym.spaces.Box)
