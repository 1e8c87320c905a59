"""How fast, how good: every figure of the documentation comes from here."""
