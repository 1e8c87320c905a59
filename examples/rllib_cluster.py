"""RLlib's PPO, taught by one language model for all runners, on this machine or on a cluster.

::

    pip install "gym-llmteacher[rllib,local]"      # in a virtual environment of its own
    python examples/rllib_cluster.py               # this machine: two runners, a minute
    python examples/rllib_cluster.py 60000 auto    # the cluster that this machine is part of
    python examples/rllib_cluster.py 60000 head:6379      # the one of this address

The embedded model needs no key. For another one: ``.teacher("openai/gpt-4o-mini")``, with the key
in the environment of Ray's processes.
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: threads are in each other's way

import ray
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from gym_llmteacher.rllib import EgoMapRLModule, TaughtEnv, TeacherPPOConfig

frames = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
address = sys.argv[2] if len(sys.argv) > 2 else None

if address is None:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20)
else:
    ray.init(address)

config = (
    TeacherPPOConfig()
    .environment(TaughtEnv, env_config={"env": "LLMTeacher/SimpleDoorKey-v0"})
    .teacher(late_timeout=30.0)  # the embedded model, in an actor
    .env_runners(num_env_runners=2, num_envs_per_env_runner=4)
    .rl_module(rl_module_spec=RLModuleSpec(module_class=EgoMapRLModule))
    .training(
        teacher_coef={
            "shape": "llm4teach",
            "start": 3.0,
            "floor": 0.1,
            "decay_steps": 0.4 * frames,
            "cut_steps": 0.7 * frames,
        },
        train_batch_size_per_learner=1024,
        minibatch_size=128,
        num_epochs=8,
        lr=1e-3,
        lambda_=0.95,
        clip_param=0.2,
        entropy_coeff=0.001,
        use_kl_loss=False,
    )
    .debugging(seed=0)
    .evaluation(
        evaluation_interval=1_000_000,  # a runner of its own, for `evaluate` below
        evaluation_duration=100,
        evaluation_config={"explore": True},
    )
)
algorithm = config.build_algo()
steps = 0
while steps < frames:
    result = algorithm.train()
    steps = int(result["env_runners"]["num_env_steps_sampled_lifetime"])
    student = result["learners"]["default_policy"]
    print(
        f"{steps:>7,} frames: mean return {result['env_runners'].get('episode_return_mean', 0):.2f}"
        f", coefficient {student['teacher_coef']:.2f}, taught {student['teacher_coverage']:.0%}"
        f", requests {result['teacher']['calls']:.0f}"
    )
played = algorithm.evaluate()["env_runners"]["episode_return_mean"]  # nobody is asked
print(f"mean return of 100 episodes: {played:.2f} (1 - 0.9 * steps / 150 when a door opens)")
print("saved in", algorithm.save_to_path(os.path.abspath("student")))
algorithm.stop()
ray.shutdown()
