"""The taught algorithms in rl-zoo3: ``python -m gym_llmteacher.zoo train --algo teacher_ppo ...``.

Needs the extra ``zoo``; nothing of rl-zoo3 is imported before a command is run.
"""
