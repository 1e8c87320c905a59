"""Ways to turn a situation into a question, and the replies into advice.

========== ============================================================ ========================
name       asks                                                         questions, samples
========== ============================================================ ========================
subgoal    which object is needed now; code knows how to get it         1 x 4 (chat), 1 x 1
           (SayCan, arXiv 2204.01691)                                   (embedded, exact scores)
samples    for reasoned plans and counts them (LLM4Teach, arXiv         1 x 10
           2311.13373)
logprobs   for one letter, with the options in several orders, and      2 x 1
           reads its log-probabilities
structured for reasoned plans in JSON, held to a schema of the options  1 x 10
weights    for a percentage per option                                  1 x 1
branches   for the steps of the task, then for plans that keep to them; 1 x 1 per task, 1 x 5
           invalid ones are dropped (LLM-TMBR, arXiv 2403.19962)
========== ============================================================ ========================

The default is *subgoal* where the grounding names subgoals, else *samples* (chat models) or exact
scores of the options (the embedded model).
"""
