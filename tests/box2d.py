"""Box2D, where it is installed; its SWIG types crash where warnings are errors while imported."""

import importlib.util
import warnings

HAS_BOX2D = importlib.util.find_spec("Box2D") is not None
if HAS_BOX2D:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import Box2D  # noqa: F401

BOX2D_ENVS = ["LunarLander-v3"] if HAS_BOX2D else []
