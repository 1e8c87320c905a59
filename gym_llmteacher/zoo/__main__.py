"""``python -m gym_llmteacher.zoo``."""

from gym_llmteacher.zoo.commands import main

if __name__ == "__main__":
    main()
