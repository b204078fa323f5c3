"""``python -m loaders`` is ``qorgan``."""

from loaders.cli import main

if __name__ == "__main__":  # a spawned pool worker imports this file too
    main()
