"""TensorBoard and video, which need packages that come with the extra ``zoo``."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from moviepy import VideoFileClip
from stable_baselines3.common.monitor import Monitor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gym_llmteacher import LLMTeacherWrapper, PriorOverlay, TeacherEvalCallback, TeacherPPO
from gym_llmteacher.wrappers.overlay import TEACHER

PLANNER = {"script": "door_key_planner"}


def taught(**kwargs):
    env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0", **kwargs), PLANNER)
    env.reset(seed=3)  # the same episodes every time: some are longer
    return Monitor(env)


def test_tensorboard_shows_teaching_and_evaluation(tmp_path):
    model = TeacherPPO(
        "MlpPolicy", taught(), n_steps=64, batch_size=32, seed=0, tensorboard_log=str(tmp_path)
    )
    callback = TeacherEvalCallback(
        taught(), eval_freq=64, n_eval_episodes=1, teacher_env=taught(), verbose=0
    )
    model.learn(192, callback=callback, tb_log_name="taught")
    events = EventAccumulator(str(tmp_path / "taught_1")).Reload()
    tags = set(events.Tags()["scalars"])
    assert tags >= {f"teacher/{name}" for name in ("coef", "coverage", "loss", "kl", "agreement")}
    assert tags >= {"eval/mean_reward", "teacher/eval_mean_reward", "teacher/eval_agreement"}
    assert [event.step for event in events.Scalars("teacher/eval_mean_reward")] == [64, 128, 192]
    assert all(event.value > 0.8 for event in events.Scalars("teacher/eval_mean_reward"))
    coef = [event.value for event in events.Scalars("teacher/coef")]
    assert coef[0] == pytest.approx(3 - 2.9 * 64 / (0.4 * 192), rel=1e-3)
    assert coef[-1] == pytest.approx(0.1)  # of step 128: SB3 writes an update with the next rollout


def test_a_film_with_the_prior_beside_the_frame(tmp_path):
    env = PriorOverlay(taught(render_mode="rgb_array"))
    env = RecordVideo(env, str(tmp_path), episode_trigger=lambda episode: True)
    _, info = env.reset(seed=0)
    done = False
    while not done:
        _, _, terminated, truncated, info = env.step(int(info["teacher_prior"].argmax()))
        done = terminated or truncated
    shape = env.render().shape
    env.close()
    (film,) = tmp_path.glob("*.mp4")
    with VideoFileClip(str(film)) as clip:
        assert (clip.h, clip.w) == shape[:2]
        assert clip.n_frames > 10
        frame = clip.get_frame(0).astype(int)
    bars = np.abs(frame - np.array(TEACHER)).sum(axis=-1) < 60
    assert bars[:, 360:].sum() > 200  # the teacher's colour, in the panel and nowhere else
    assert bars[:, :340].sum() == 0
