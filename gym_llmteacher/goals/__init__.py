"""Missions and destinations as vectors, and what a teacher says where the goal is another one."""
