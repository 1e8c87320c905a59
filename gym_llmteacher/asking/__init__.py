"""Whether to ask, as an action: learned by any algorithm, and used as a condition afterwards."""
