"""``python -m practice_register`` is the command `practice-register`."""

from practice_register.cli import main

if __name__ == "__main__":
    main()
