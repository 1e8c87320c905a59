"""Let a teacher or a student act, and take down what happened."""
