"""`python -m sluice` is the command `sluice`."""

from sluice.cli.main import main

if __name__ == "__main__":
    main()
