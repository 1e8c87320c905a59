"""Nav & Pick in Habitat: a language model on this machine teaches a robot to fetch things.

On the light simulator, a minute: ``python examples/habitat_nav_pick.py [--frames 12000]``. On the
real one, with ReplicaCAD and its episodes under ``data/``: ``... --real``; but first
``gym-llmteacher habitat-check``. Each env is closed before the next one is opened: two real ones in
a process end it.
"""

import argparse

from PIL import Image
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import LLMTeacherWrapper, TeacherPPO
from gym_llmteacher.experiments.evaluate import evaluate
from gym_llmteacher.habitat import HabitatEnv, nav_pick_config
from gym_llmteacher.habitat.draw import scene
from gym_llmteacher.habitat.features import HabitatFeatures
from gym_llmteacher.playing.actors import StudentActor
from gym_llmteacher.wrappers.options import OptionsWrapper

parser = argparse.ArgumentParser()
parser.add_argument("--real", action="store_true", help="habitat-sim instead of the light one")
parser.add_argument("--frames", type=int, default=12_000, help="control steps of the robot")
parser.add_argument("--steps", type=int, default=150, help="longest episode")
arguments = parser.parse_args()


def robot():
    """The env: one action per option, a control step of it at a time."""
    limit = [f"habitat.environment.max_episode_steps={arguments.steps}"]
    if arguments.real:
        config = nav_pick_config(limit)
        return HabitatEnv(config, objects="all", places="all", render_mode="rgb_array")
    import gym_llmteacher.light_habitat  # noqa: F401  (the opt-in: registers the light simulator)
    from gym_llmteacher.light_habitat.config import light_config
    from gym_llmteacher.light_habitat.dataset import OBJECTS
    from gym_llmteacher.light_habitat.house import RECEPTACLES

    config = light_config(limit, episodes=200, houses=1)
    return HabitatEnv(config, objects=tuple(OBJECTS), places=RECEPTACLES, render_mode="rgb_array")


def options():
    """The env of the student: each action carries an option out until it ends."""
    env = robot()
    wait = env.options.index("wait")
    return OptionsWrapper(env, env.options[:wait], noop_action=wait, max_length=arguments.steps)


env = make_vec_env(lambda: LLMTeacherWrapper(options()), n_envs=1 if arguments.real else 8, seed=0)
slots = env.envs[0].unwrapped.state_slots
model = TeacherPPO(
    "MultiInputPolicy",
    env,
    learning_rate=1e-3,
    n_steps=32 if arguments.real else 4,
    batch_size=16,
    ent_coef=0.01,
    policy_kwargs={
        "features_extractor_class": HabitatFeatures,
        "features_extractor_kwargs": {"slots": slots, "waves": 0, "depth": False},
    },
    seed=0,
    device="cpu",
    teacher_coef={"shape": "linear", "start": 3.0, "end": 0.0, "steps": 3_000},
)
frames = 0


def until(local, _):
    """Count the robot's own steps: an option takes several."""
    global frames
    frames += sum(info["option_steps"] for info in local["infos"])
    return frames < arguments.frames


model.learn(10 * arguments.frames, callback=until)
model.save("habitat_student")
env.close()

score = evaluate(options, StudentActor(model, deterministic=False), 50, n_envs=1)
print(f"{frames} frames; the student alone fetched what it was to: {score.success:.0%} of 50")

# A film of one episode: the option the student chooses, step by step.
film = robot()
obs, _ = film.reset(seed=1)
pictures, trail, done = [], [], False
while not done:
    option, _ = model.predict(obs, deterministic=False)
    while True:
        trail.append(film.world.robot.base_pos)
        pictures.append(Image.fromarray(scene(film, trail)).quantize(128))
        obs, _, terminated, truncated, _ = film.step(option)
        done = terminated or truncated
        if done or film.option_action(film.options[int(option)]) is None:
            break
film.close()
pictures[0].save("habitat.gif", save_all=True, append_images=pictures[1:], duration=120, loop=0)
print("saved habitat_student.zip and habitat.gif")
