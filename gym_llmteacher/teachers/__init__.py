"""Teachers: situations in, advice out."""
