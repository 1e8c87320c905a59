"""The teaching loss and all that decides its weight, without any engine.

=============== ===================================================================
`losses`        the teaching loss and its gradient, of the rows of a minibatch
`divergences`   how far the student is from the teacher; write your own
`gates`         reasons to trust a piece of advice less; write your own
`gating`        weights, multiplied by the factors of gates
`joint`         a loss that rides along with an engine's own
`dims`          rows of each dimension of a MultiDiscrete action
`priors`        priors and weights, read out of infos
`schedules`     λ as a function of env steps; `adaptive`: of the student's progress
`coef`          λ as people write it
`memory`        what the teacher said of earlier observations
`mirror`        maps and advice with left and right exchanged
=============== ===================================================================

Nothing here imports Stable-Baselines3 or an env wrapper: `gym_llmteacher.sb3` uses this room, and
so can another engine.
"""
