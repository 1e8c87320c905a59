"""Know how a teacher fails before anything is spent on training (AgentBench, arXiv 2308.03688)."""
