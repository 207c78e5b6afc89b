"""`python -m phasegate`: the same as the `phasegate` command."""

from .cli import main

if __name__ == "__main__":
    main()
