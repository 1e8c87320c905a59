"""Levels of MiniGrid and BabyAI: a mission, several rooms, partial views."""
