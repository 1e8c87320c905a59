"""The Taxi of the Gymnasium that is installed: Taxi-v3 before 1.3, Taxi-v4 since."""

import gymnasium as gym

TAXI = max(name for name in gym.registry if name.startswith("Taxi-v"))
