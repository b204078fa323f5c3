"""What a process that holds identifiers or keys does first."""

import resource


def forbid_core_dumps() -> None:
    """A crash must not write memory, in which identifiers and keys are, to a file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
