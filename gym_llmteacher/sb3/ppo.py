"""PPO that also learns from a teacher's prior."""

from __future__ import annotations

from stable_baselines3 import PPO

from gym_llmteacher.sb3.advice_replay import AdviceReplay


class TeacherPPO(AdviceReplay, PPO):
    """PPO with a teaching loss: ``L = L_PPO + λ(t) · mean_taught(w · H(prior, π))``.

    LLM4Teach (arXiv 2311.13373). The prior comes with each observation in
    ``info["teacher_prior"]``, float32 ``(n_actions,)``, with ``info["teacher_weight"]`` in [0, 1];
    `LLMTeacherWrapper` puts both there. MultiDiscrete actions are taught one dimension at
    a time (`MultiDiscreteGrounding`). The student always acts by itself, and a saved student
    loads in plain ``PPO``.

    All arguments of ``stable_baselines3.PPO`` keep their names, order and defaults. Added:

    :param teacher_coef: λ: a number (constant), a schedule of absolute env steps, or a dict of one
        (``{"shape": "linear", "start": 1.0, "steps": 100_000}``). ``None``: the paper's shape over
        the ``total_timesteps`` of the first ``learn`` that is taught, from where it begins: 3 → 0.1
        over 40 %, held to 70 %, then exactly 0 and the teacher is no longer asked. With 0 this is
        PPO, bit for bit.
    :param teacher_divergence: ``"cross_entropy"`` (the paper's), ``"forward_kl"``,
        ``"reverse_kl"``, or your own (`gym_llmteacher.learning.divergences`)
    :param teacher_gates: reasons to trust advice less: one or several of ``"confidence"``,
        ``"advantage"``, ``"proximal"`` and your own (`gym_llmteacher.learning.gates`)
    :param teacher_eval_episodes: let the teacher play so many episodes before the first update. One
        that does not solve half of them practises for at most a tenth of the training's frames; one
        that then earns no more than the untaught student leaves plain PPO, bit for bit, and a
        warning (`gym_llmteacher.sb3.judged`). These env steps are the training's own; what came of
        it is in ``model.teacher_record``. ``None`` (default): 8, in trainings of 10,000 steps or
        more whose envs describe what they ask. 0: follow it in any case
    :param teacher_every: be taught at every step of so many, and at the first of an episode. At the
        others nothing is described and no one asked, which is about half of what teaching costs in
        time. 1 (default): at every step
    :param teacher_replay_steps: gradient steps after each update on advice of earlier rollouts too,
        100 for example: advice does not get old (`gym_llmteacher.sb3.advice_replay`). Fewer as λ
        falls, in proportion. 0 (default): advice is learned from with its rollout alone
    :param teacher_replay_size: number of observations that are remembered for it, with their advice
    :param teacher_augment: from observations ``(n, ...)`` and priors float32 ``(n, n_actions)`` to
        others of which the same is known, as many, for example `mirror_map`: half of what is taught
        again goes through it
    :raises GroundingError: the action space is neither Discrete nor MultiDiscrete
    :raises ScheduleError: a negative or rising coefficient, or an unknown shape
    :raises StudentError: an unknown divergence or gate, a number of episodes or steps that cannot
        be one, gates together with ``teacher_replay_steps``
    :raises PriorError: (at ``learn``) infos carry no prior, or one that is not a distribution, or a
        weight that is no float in [0, 1]

    Example::

        >>> import gymnasium as gym
        >>> from gym_llmteacher import LLMTeacherWrapper, TeacherPPO
        >>> env = LLMTeacherWrapper(gym.make("LLMTeacher/SimpleDoorKey-v0"),
        ...                         teacher={"script": "door_key_planner"})
        >>> model = TeacherPPO("MlpPolicy", env, n_steps=64, teacher_coef=1.0)
        >>> _ = model.learn(64)

    Logged besides PPO's own keys: ``teacher/coef``, ``teacher/loss``, ``teacher/kl`` (nats),
    ``teacher/agreement``, ``teacher/coverage``, the teacher's totals (``teacher/calls``, ...), and
    how it did before it taught: ``teacher/alone_success``, ``teacher/practised_success`` (share of
    its episodes) and ``teacher/played`` (env steps of both and of its practice).
    """
