"""DQN that also learns from a teacher's prior."""

from __future__ import annotations

from stable_baselines3 import DQN

from gym_llmteacher.sb3.off_policy import TaughtQLearning


class TeacherDQN(TaughtQLearning, DQN):
    """DQN with a teaching loss: ``L = L_TD + λ(t) · mean_taught(w · H(prior, softmax(Q / τ)))``.

    Priors are stored in the replay buffer with the transitions they came with. The student acts
    ε-greedily by itself.

    All arguments of ``stable_baselines3.DQN`` keep their names, order and defaults; added are
    ``teacher_coef``, ``teacher_divergence`` and ``teacher_eval_episodes`` as in `TeacherPPO`, and
    ``teacher_temperature``. By default λ is 1 to the end, unlike there: what Q-learning has not yet
    found out for itself it undoes once nobody says it any more. τ is what limits the teacher. With
    SB3's ``HerReplayBuffer`` and `MissionGoals`, advice is relabelled with the goal.

    :param teacher_temperature: τ, in units of return: the teacher can raise the Q-value of an
        action above the others' by a few τ, and no more; about the difference that should matter
    :raises StudentError: it is not a finite number above 0

    A saved student loads in plain ``DQN``.

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherDQN
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherDQN("MlpPolicy", env, learning_starts=32, teacher_coef=1.0).learn(64)
    """
