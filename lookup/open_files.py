"""How many files a server may have open: each connection is one."""

import resource


def allow_most() -> None:
    """Raise this process's limit, and that of those it starts, to what the system lets it have.

    Many systems give 1,024, and a server that has none left drops everybody's connections.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
