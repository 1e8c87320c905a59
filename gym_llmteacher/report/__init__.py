"""A finished training as one page that needs no network: what happened, and why.

``curves`` draws, ``episode`` plays one through, ``page`` puts everything together; it reads what
`gym_llmteacher.experiments` has written into a folder and asks no model anything.
"""
