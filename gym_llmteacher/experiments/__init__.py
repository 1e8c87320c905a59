"""Train, evaluate and report: what the command line and the examples are made of."""
