"""A teacher's plan as subgoals: what the student sees of them, and what they pay."""
