"""``qorgan`` with the operations registered, whether or not the command line has them already."""

from loaders import cli
from loaders.operations_cli import COMMANDS

if __name__ == "__main__":  # a spawned pool worker imports this file too
    for command in COMMANDS:
        cli.cli.add_command(command)
    cli.main()
