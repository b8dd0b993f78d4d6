"""`python -m jaxad`: the command line."""

from jaxad.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
