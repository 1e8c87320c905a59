"""The door-key tasks of this package (``LLMTeacher/*``): one room, a map as observation."""
