"""Language models: asking them, reading what they say, keeping it. Knows nothing of wrappers."""
