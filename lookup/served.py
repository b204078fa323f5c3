"""The version that an answer comes from; where there is none, why not.

That a version could not be fetched, or is too old, is never "nothing published" nor "gone".
"""

from lookup.errors import Code, ProblemError
from lookup.index.node import Node
from lookup.index.view import MappedVersion
from lookup.protocol.parameters import is_version
from lookup.protocol.suite import Lane


def current(node: Node, lane: Lane) -> MappedVersion:
    """The version that a lane is answered from by default.

    Raises:
        ProblemError: STALE; STORE_UNAVAILABLE, it could not be fetched yet; NOT_FOUND.
    """
    mapped = node.state.current.get(lane)
    _refuse_stale(node)
    if mapped is None:
        _refuse_unfetched(node, lane)
        raise ProblemError(Code.NOT_FOUND, "nothing has been published in this lane yet")
    return mapped


def named(node: Node, lane: Lane, version: str) -> MappedVersion:
    """The version of this name.

    Raises:
        ProblemError: BAD_REQUEST, it is no name; STALE; STORE_UNAVAILABLE, it could not be fetched
            yet; VERSION_GONE.
    """
    mapped = node.state.mapped.get((lane, version))
    if mapped is None and not is_version(version):
        raise ProblemError(Code.BAD_REQUEST, "this is not a version's name")
    _refuse_stale(node)
    if mapped is None:
        _refuse_unfetched(node, lane)
        raise ProblemError(Code.VERSION_GONE, "this version is gone; fetch the parameters anew")
    return mapped


def _refuse_stale(node: Node) -> None:
    if node.is_stale:
        raise ProblemError(
            Code.STALE, "could not check: the index is too old; try again later", retry_after=60
        )


def _refuse_unfetched(node: Node, lane: Lane) -> None:
    if lane in node.state.unfetched:
        raise ProblemError(
            Code.STORE_UNAVAILABLE, "could not check; try again later", retry_after=60
        )
