"""An env of your own: say in words what the agent faces, name the actions, choose a teacher.

FrozenLake with slippery ice, taught by a rule of thumb. Run: ``python examples/custom_env.py``
"""

from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import ActionGrounding, LLMTeacherWrapper, ScriptedTeacher, TeacherPPO


def describe(obs, env):
    row, column = divmod(int(obs), 4)
    ice = env.unwrapped.desc.astype(str)
    holes = [f"{r},{c}" for r in range(4) for c in range(4) if ice[r][c] == "H"]
    return f"The elf stands at {row},{column}. There are holes at {' '.join(holes)}."


def rule_of_thumb(situation):  # or no teacher argument: the embedded language model
    where = situation.text.split("at ")[1].split(".")[0]
    # On ice one slips sideways: step away from holes, not towards the goal.
    away = {"0,0": "left", "1,0": "left", "1,2": "left", "2,1": "down", "2,2": "left",
            "3,1": "right", "3,2": "down"}  # fmt: skip
    return (f"go {away.get(where, 'up')}",)


def wrap(env):
    words = ["go left", "go down", "go right", "go up"]
    grounding = ActionGrounding(describe, actions=words, task="reach 3,3 and fall into no hole")
    return LLMTeacherWrapper(env, teacher=ScriptedTeacher(rule_of_thumb), grounding=grounding)


if __name__ == "__main__":
    env = make_vec_env("FrozenLake-v1", n_envs=4, seed=0, wrapper_class=wrap)
    model = TeacherPPO("MlpPolicy", env, n_steps=128, batch_size=128, seed=0, verbose=0)
    model.learn(30_000)
    last = [episode["r"] for episode in model.ep_info_buffer]
    print(f"goal reached in {sum(last):.0f} of the last {len(last)} episodes")
