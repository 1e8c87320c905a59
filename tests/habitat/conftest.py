"""Two simulators for the same test bodies: the light one, and, where installed, the real one."""

import pytest

import gym_llmteacher.light_habitat as light  # makes `import habitat` possible


def _why_not_real():
    """What the real simulator lacks: itself, or one of the things that its config names."""
    if light.STANDING_IN:
        return "habitat_sim is not installed"
    from gym_llmteacher.habitat import nav_pick_config
    from gym_llmteacher.habitat.assets import missing_assets

    missing = missing_assets(nav_pick_config())
    return f"missing: {', '.join(missing)} (habitat_sim.utils.datasets_download)" if missing else ""


@pytest.fixture(
    params=[
        pytest.param("light", marks=pytest.mark.habitat_lab),
        pytest.param(
            "real",
            marks=[
                pytest.mark.habitat_sim,
                pytest.mark.skipif(bool(_why_not_real()), reason=_why_not_real()),
            ],
        ),
    ]
)
def simulator(request):
    """Name of the simulator under the test."""
    return request.param


@pytest.fixture
def config(simulator):
    """A function: hydra overrides -> the composed config of Nav & Pick."""

    def make(*overrides, **light):
        if simulator == "light":
            from gym_llmteacher.light_habitat.config import light_config
            from gym_llmteacher.light_habitat.manners import Manners

            settings = {"episodes": 12, "houses": 2, "manners": Manners.all(), **light}
            return light_config(overrides, **settings)
        from gym_llmteacher.habitat import nav_pick_config

        return nav_pick_config(overrides)

    return make


@pytest.fixture
def make_env(config):
    """A function: arguments of `HabitatEnv` -> an env; the one before it is closed first."""
    from gym_llmteacher.habitat import HabitatEnv

    envs = []

    def make(actions="options", overrides=(), light=None, **kwargs):
        for env in envs:
            env.close()
        kwargs = {"objects": "all", "places": "all", **kwargs}
        envs.append(HabitatEnv(config(*overrides, **(light or {})), actions, **kwargs))
        return envs[-1]

    yield make
    for env in envs:
        env.close()
