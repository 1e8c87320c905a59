"""The teaching loss and all that decides its weight: pure, without any engine.

Nothing here imports Stable-Baselines3: `gym_llmteacher.sb3` uses it, and so can another engine.
"""
