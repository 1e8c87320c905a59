"""Two simulators for the same test bodies: the light one, and, where installed, the real one."""

from pathlib import Path

import pytest

import gym_llmteacher.light_habitat as light  # makes `import habitat` possible

REAL_DATA = Path("data/replica_cad")


def _why_not_real():
    if light.STANDING_IN:
        return "habitat_sim is not installed"
    return (
        "" if REAL_DATA.exists() else f"{REAL_DATA} is missing: habitat_sim.utils.datasets_download"
    )


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

            return light_config(overrides, **{"episodes": 12, "houses": 2, **light})
        from gym_llmteacher.habitat import nav_pick_config

        on_cpu = "habitat.simulator.habitat_sim_v0.gpu_device_id=-1"
        return nav_pick_config([on_cpu, *overrides])

    return make


@pytest.fixture
def make_env(config, simulator):
    """A function: arguments of `HabitatEnv` -> an env that is closed after the test."""
    from gym_llmteacher.habitat import HabitatEnv

    envs = []

    def make(actions="options", overrides=(), light=None, **kwargs):
        if simulator == "light":
            from gym_llmteacher.light_habitat.dataset import OBJECTS
            from gym_llmteacher.light_habitat.house import RECEPTACLES

            kwargs = {"objects": tuple(OBJECTS), "places": RECEPTACLES, **kwargs}
        envs.append(HabitatEnv(config(*overrides, **(light or {})), actions, **kwargs))
        return envs[-1]

    yield make
    for env in envs:
        env.close()
