"""`python -m drills`: the game day."""

from drills.command import main

if __name__ == "__main__":
    main()
