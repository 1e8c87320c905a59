"""Play episodes by script: navigate to the target, then pick it."""


def plan(env):
    target = env.world.target
    return (f"navigate to {target}", f"pick {target}")


def play(env, plan=plan, limit=1000):
    """Returns (success, steps, terminated, truncated) of the episode that was reset."""
    for step in range(limit):
        actions = [env.option_action(option) for option in plan(env)]
        action = next((a for a in actions if a is not None), None)
        assert action is not None, f"nothing to do after {step} steps"
        _, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            return info["is_success"], step + 1, terminated, truncated
    raise AssertionError(f"no end after {limit} steps")
