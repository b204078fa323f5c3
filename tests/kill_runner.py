"""``qorgan`` in small steps, so that there are many moments to kill it at: checkpoints, chunks.

``kill_runner.py COMMAND ...`` takes what ``qorgan`` takes.
"""

from loaders import cli, load
from lookup.index import versions

GROUP, CHUNK_BYTES = 256, 10_000

if __name__ == "__main__":  # a spawned pool worker imports this file too
    load._SLICE, load._GROUP = 64, GROUP
    versions.CHUNK_BYTES = CHUNK_BYTES
    cli.main()
