"""From env states to situations: one grounding per family of environments."""
