"""Nav & Pick on the light simulator: TeacherPPO against plain and hierarchical PPO.

::

    python -m benchmarks.habitat run --arms ppo,hierarchical,llm-options,llm-flat --seeds 5
    python -m benchmarks.habitat scripted      # navigate to the target, then pick it
    python -m benchmarks.habitat teachers      # the teachers alone
    python -m benchmarks.habitat_report table     # and pictures

Needs the extra ``habitat`` (``make test-habitat`` sets up ``.venv-habitat``). One house; 500
episodes to train in, others to be evaluated in. A run that is in the results is not run again.
Reported seeds are 0, 1, ...; everything was tuned on seeds from 100.
"""

from __future__ import annotations

import copy
import json
import os
import time
from collections import deque
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

os.environ.setdefault("OMP_NUM_THREADS", "1")

RESULTS = Path(__file__).parent / "results" / "habitat.jsonl"
WORK = Path("runs/habitat")
ARMS = ("ppo", "hierarchical", "llm-options", "llm-flat")
MORE = ("llm-options-manners", "llm-options-depth", "llm-flat-depth")
"""The same students with all manners of the real simulator, or with a picture encoder and without
compass and pose."""
STEPS = {"ppo": 80_000, "hierarchical": 80_000, "llm-options": 12_000, "llm-flat": 40_000,
         "llm-options-manners": 12_000, "llm-options-depth": 12_000,
         "llm-flat-depth": 40_000}  # fmt: skip
SOLVED, WINDOW = 0.8, 50
LIMIT = 150  # steps per episode
EPISODES = 50  # unseen ones, for the final evaluation
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


def is_flat(arm: str) -> bool:
    """Whether the student drives the robot itself."""
    return arm == "ppo" or "flat" in arm


def make_env(arm: str, unseen: bool = False, pixels: int = 32) -> Any:
    """The env of an arm: over options carried out to their end, or over low-level actions."""
    import logging

    import gym_llmteacher.light_habitat  # noqa: F401  (registers the light simulator)
    from gym_llmteacher.habitat import HabitatEnv
    from gym_llmteacher.light_habitat.dataset import OBJECTS
    from gym_llmteacher.light_habitat.house import RECEPTACLES
    from gym_llmteacher.wrappers.options import OptionsWrapper

    logging.getLogger("habitat").setLevel(logging.WARNING)
    flat = is_flat(arm)
    actions = "primitives" if flat else "options"
    env = HabitatEnv(
        copy.deepcopy(_config(unseen, pixels, arm)), actions,
        objects=tuple(OBJECTS), places=RECEPTACLES,
    )  # fmt: skip
    if flat:
        return env
    wait = env.options.index("wait")
    return OptionsWrapper(env, env.options[:wait], noop_action=wait, max_length=LIMIT)


@lru_cache
def _config(unseen: bool, pixels: int, arm: str) -> Any:
    """The composed config; composing takes longer than an episode."""
    from gym_llmteacher.light_habitat.config import light_config
    from gym_llmteacher.light_habitat.manners import Manners

    if arm.endswith("depth"):
        pixels = max(pixels, 48)
    camera = "habitat.simulator.agents.main_agent.sim_sensors.head_depth_sensor"
    overrides = [f"habitat.environment.max_episode_steps={LIMIT}",
                 f"{camera}.width={pixels}", f"{camera}.height={pixels}"]  # fmt: skip
    if arm.endswith("depth"):
        keys = "head_depth,is_holding,has_finished_oracle_nav"
        overrides.append(f"habitat.gym.obs_keys=[{keys}]")
    manners = Manners.all(one_env=False) if arm.endswith("manners") else None
    episodes, first = (100, 10_000) if unseen else (500, 0)
    return light_config(overrides, episodes=episodes, houses=1, first=first, manners=manners)


def settings(arm: str, env: Any) -> dict[str, Any]:
    """Hyperparameters: over low-level actions the same with and without a teacher."""
    from stable_baselines3.common.utils import LinearSchedule

    from gym_llmteacher.habitat.depth_features import DepthFeatures
    from gym_llmteacher.habitat.features import HabitatFeatures
    from gym_llmteacher.sb3.loop_free import LoopFreePolicy

    flat, seeing = is_flat(arm), arm.endswith("depth")
    features = {
        **({} if seeing else {"slots": env.unwrapped.state_slots}),
        **({} if flat or seeing else {"waves": 0, "depth": False}),
    }
    arguments = {
        "policy": "MultiInputPolicy", "gamma": 0.99, "device": "cpu",
        "policy_kwargs": {
            "features_extractor_class": DepthFeatures if seeing else HabitatFeatures,
            "features_extractor_kwargs": features,
            "net_arch": [128, 128] if flat else [64, 64],
        },
    }  # fmt: skip
    if flat:
        return {
            **arguments, "policy": LoopFreePolicy, "n_steps": 64, "batch_size": 128,
            "n_epochs": 6, "ent_coef": 0.003, "learning_rate": LinearSchedule(1e-3, 1e-4, 1.0),
        }  # fmt: skip
    # Without a teacher such small rollouts were undone as soon as something had been learned.
    small = {"n_steps": 4, "batch_size": 16, "n_epochs": 10}
    large = {"n_steps": 16, "batch_size": 64, "n_epochs": 6}
    rollouts = large if arm == "hierarchical" else small
    if seeing:  # once arrived, depth shows nothing new: a bare argmax navigates there for ever
        arguments["policy"] = LoopFreePolicy
    return {**arguments, **rollouts, "ent_coef": 0.01, "learning_rate": 1e-3}


def coefficient(arm: str) -> Any:
    """Schedule of the teaching coefficient, in steps of the student."""
    if is_flat(arm):
        shape = {"shape": "llm4teach", "start": 3.0, "floor": 0.1}
        return {**shape, "decay_steps": 24_000, "cut_steps": 34_000}
    return {"shape": "linear", "start": 3.0, "end": 0.0, "steps": 3_000}


def one_run(
    arm: str, seed: int, steps: int | None = None, folder: Path = WORK, episodes: int = EPISODES
) -> list[dict]:
    """Train one student and evaluate it in unseen episodes; a dict per 1,000 frames."""
    import torch as th
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env

    from gym_llmteacher import LLMTeacher, LLMTeacherWrapper, TeacherPPO
    from gym_llmteacher.experiments.evaluate import evaluate
    from gym_llmteacher.playing.actors import StudentActor
    from gym_llmteacher.sb3.telemetry import teacher_totals

    th.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    steps = steps or STEPS[arm]
    taught = arm.startswith("llm")
    teacher = LLMTeacher(answers=folder / "answers.sqlite") if taught else None

    def make() -> Any:
        env = make_env(arm)
        return LLMTeacherWrapper(env, teacher=teacher) if taught else env

    env = make_vec_env(make, 8, seed=seed)
    arguments = {**settings(arm, env.envs[0]), "env": env, "seed": seed}
    model = TeacherPPO(**arguments, teacher_coef=coefficient(arm)) if taught else PPO(**arguments)
    lines: list[dict] = []

    class Watch(BaseCallback):
        """Counts frames of the robot (an option takes several), and what was solved lately."""

        frames, next_line = 0, 1000
        solved: deque[bool] = deque(maxlen=WINDOW)

        def _on_step(self) -> bool:
            for info, done in zip(self.locals["infos"], self.locals["dones"], strict=True):
                self.frames += info.get("option_steps", 1)
                if done:
                    self.solved.append(info["is_success"])
            if self.frames >= self.next_line:
                self.next_line += 1000
                success = sum(self.solved) / WINDOW  # unplayed episodes count as failures
                lines.append({"arm": arm, "seed": seed, "frames": self.frames, "success": success})
                print(f"{arm} {seed}: {self.frames:,}, {success:.0%}   ", end="\r", flush=True)
            return self.frames < steps

    watch = Watch()
    watch.solved = deque(maxlen=WINDOW)
    since = time.process_time()
    model.learn(steps if is_flat(arm) else 10 * steps, callback=watch)
    seconds = time.process_time() - since
    scores = [
        evaluate(
            lambda: make_env(arm, unseen=True), StudentActor(model, greedy), episodes, n_envs=4
        )
        for greedy in (False, True)
    ]
    model.save(folder / f"{arm}-{seed}.zip")
    totals = teacher_totals(env) if taught else {}
    lines.append({
        "arm": arm, "seed": seed, "frames": watch.frames, "success": scores[0].success,
        "success_greedy": scores[1].success, "cpu_s": round(seconds, 1),
        "llm_calls": int(totals.get("calls", 0)), "last": True,
    })  # fmt: skip
    return lines


def frames_to(lines: list[dict]) -> float:
    """Frames until 80 % of the last 50 training episodes were solved; inf: never."""
    reached = [r["frames"] for r in lines if not r.get("last") and r["success"] >= SOLVED]
    return min(reached, default=float("inf"))


@app.command()
def run(
    arms: Annotated[str, typer.Option(help="Some of: " + ", ".join(ARMS + MORE))] = ",".join(ARMS),
    seeds: Annotated[int, typer.Option(help="Seeds first, first + 1, ...")] = 5,
    first: Annotated[int, typer.Option(help="First seed; tune on 100 and up.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Frames; default: as reported.")] = None,
    results: Annotated[Path, typer.Option(help="JSON Lines.")] = RESULTS,
) -> None:
    """Run what is not in the results yet."""
    results.parent.mkdir(parents=True, exist_ok=True)
    old = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    finished = {(r["arm"], r["seed"]) for r in old if r.get("last")}
    for seed in range(first, first + seeds):
        for arm in arms.split(","):
            if (arm, seed) not in finished:
                lines = one_run(arm, seed, steps)
                with results.open("a") as file:
                    file.writelines(json.dumps(line) + "\n" for line in lines)
                last = lines[-1]
                scores = f"{last['success']:.2f}, greedy {last['success_greedy']:.2f}"
                print(arm, seed, f"80 % at {frames_to(lines):,.0f} of {last['frames']:,} frames; "
                      f"unseen episodes {scores}; "
                      f"{last['cpu_s']:.0f} s, {last['llm_calls']} calls", flush=True)  # fmt: skip


@app.command()
def scripted(
    episodes: int = 200, houses: int = 25, manners: bool = False, overrides: str = ""
) -> None:
    """Let a script choose the options, in many houses; and measure the speed of the env.

    --manners: with all manners of the real simulator. --overrides: in hydra's notation, by spaces.
    """
    import gym_llmteacher.light_habitat  # noqa: F401
    from gym_llmteacher.habitat import HabitatEnv
    from gym_llmteacher.light_habitat.config import light_config
    from gym_llmteacher.light_habitat.dataset import OBJECTS
    from gym_llmteacher.light_habitat.manners import Manners

    for actions in ("options", "primitives"):
        config = light_config(
            overrides.split(), episodes=episodes, houses=houses, seed=1,
            manners=Manners.all() if manners else None,
        )  # fmt: skip
        env = HabitatEnv(config, actions, objects=tuple(OBJECTS))
        solved, lengths, since = 0, [], time.process_time()
        for episode in range(episodes):
            env.reset(seed=0 if episode == 0 else None)
            plan = (f"navigate to {env.world.target}", f"pick {env.world.target}")
            done, length = False, 0
            while not done:
                doing = (env.option_action(option) for option in plan)
                action = next((a for a in doing if a is not None), None)
                if action is None:
                    break
                *_, terminated, truncated, info = env.step(action)
                done, length = terminated or truncated, length + 1
            solved += info["is_success"]
            lengths.append(length)
        speed = sum(lengths) / (time.process_time() - since)
        print(f"{actions}: {solved}/{episodes} solved, {sum(lengths) / episodes:.1f} steps on "
              f"average, {max(lengths)} at most; {speed:.0f} steps a CPU second")  # fmt: skip
        env.close()


@app.command()
def teachers(episodes: int = 200) -> None:
    """Let the teachers act alone, in unseen episodes."""
    from gym_llmteacher import LLMTeacher, LLMTeacherWrapper
    from gym_llmteacher.experiments.evaluate import evaluate
    from gym_llmteacher.playing.actors import TeacherActor

    teacher = LLMTeacher(answers=WORK / "answers.sqlite")
    for arm in ("llm-options", "llm-flat"):
        for greedy in (False, True):
            score = evaluate(
                lambda arm=arm: LLMTeacherWrapper(make_env(arm, unseen=True), teacher=teacher),
                TeacherActor(greedy), episodes, n_envs=4,
            )  # fmt: skip
            print(arm, "greedy" if greedy else "sampled", f"{score.success:.3f}", flush=True)


if __name__ == "__main__":
    app()
