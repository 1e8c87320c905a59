"""``python -m gym_llmteacher`` is ``gym-llmteacher``."""

from gym_llmteacher.cli import main

if __name__ == "__main__":
    main()
