"""How often the scripted teachers solve each env by themselves, acting on the words alone.

Run: ``python -m benchmarks.planner_levels [episodes] [names] [embedded] [strays]``; of names,
separated by commas, the envs whose ids contain one are kept; ``embedded``: the embedded language
model instead, acting at random from its prior; ``strays``: of the first sixty actions, a quarter is
random, and the teacher has to help on from there.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings

import gymnasium as gym
import minigrid  # noqa: F401  (registers MiniGrid's envs)
import numpy as np

from gym_llmteacher import LLMTeacherWrapper
from gym_llmteacher.errors import GroundingError
from gym_llmteacher.groundings.registry import find_grounding

SCRIPTS = {
    "FrozenLake-v1": "frozen_lake_planner",
    "FrozenLake8x8-v1": "frozen_lake_planner",
    "Taxi-v4": "taxi_planner",
    "CliffWalking-v1": "cliff_walking_planner",
    "CliffWalkingSlippery-v1": "cliff_walking_planner",
    "Blackjack-v1": "blackjack_planner",
    "CartPole-v1": "cart_pole_planner",
    "MountainCar-v0": "mountain_car_planner",
    "LunarLander-v3": "lunar_lander_planner",
}
# Where the return is no measure of success: what an episode must return, or how it must end.
SOLVED = {"CartPole-v1": 475.0, "LunarLander-v3": 200.0}
ENDS = ("Taxi-v4", "CliffWalking-v1", "CliffWalkingSlippery-v1", "MountainCar-v0")


def env_ids() -> list[str]:
    """Every MiniGrid and BabyAI level that has a grounding, newest versions; then the others."""
    levels = []
    for name in gym.registry:
        if name.startswith(("MiniGrid-", "BabyAI-")) and "WFC" not in name:
            base, version = name.rsplit("-v", 1)
            newer = f"{base}-v{int(version) + 1}" in gym.registry
            try:
                find_grounding(gym.make(name))
            except GroundingError:
                continue
            if not newer:
                levels.append(name)
    return levels + list(SCRIPTS)


def play(
    env: gym.Env, seed: int, sampled: bool = False, strays: bool = False
) -> tuple[bool, float, int, float]:
    """One episode of the teacher; returns success, return, length and coverage."""
    rng = np.random.default_rng(seed)
    name = env.spec.id
    _, info = env.reset(seed=seed)
    total, length, taught, terminated, truncated = 0.0, 0, 0, False, False
    while not (terminated or truncated) and length < 5_000:
        prior = info["teacher_prior"].astype(float)
        action = rng.choice(len(prior), p=prior / prior.sum()) if sampled else prior.argmax()
        if strays and length < 60 and rng.random() < 0.25:
            action = rng.integers(len(prior))
        taught += info["teacher_weight"] > 0
        _, reward, terminated, truncated, info = env.step(int(action))
        total, length = total + float(reward), length + 1
    success = terminated if name in ENDS else total > SOLVED.get(name, 0.0)
    return success, total, length, taught / length


def main() -> None:
    warnings.filterwarnings("ignore", message=".*out of date.*")
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    wanted = sys.argv[2].split(",") if len(sys.argv) > 2 else [""]
    embedded, strays = "embedded" in sys.argv, "strays" in sys.argv
    print(
        "| env | success | return | length | coverage | distinct texts |\n|---|---|---|---|---|---|"
    )
    for name in env_ids():
        if not any(part in name for part in wanted):
            continue
        script = SCRIPTS.get(name, "mission_planner")
        env = LLMTeacherWrapper(gym.make(name), teacher=None if embedded else {"script": script})
        results, texts = [], set()
        for seed in range(episodes):
            with contextlib.redirect_stdout(io.StringIO()):  # BabyAI tells of every rejected map
                results.append(play(env, seed, embedded, strays))
            texts |= set(env._checked)
        success, mean_return, length, coverage = np.array(results).mean(axis=0)
        print(
            f"| {name} | {success:.3f} | {mean_return:.2f} | {length:.0f} | {coverage:.3f} "
            f"| {len(texts)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
