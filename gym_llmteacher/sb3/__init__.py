"""Stable-Baselines3: what a student needs to learn from priors."""
