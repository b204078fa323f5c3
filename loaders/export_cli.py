"""``qorgan export``: the published version as files for another's web server."""

from dataclasses import asdict
from pathlib import Path

import click

from loaders.terminal import json_option, note
from lookup.settings import Settings

_SHOWN = ("folder", "version", "ranges", "bytes", "changed")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@json_option
def export(folder: Path, *, as_json: bool) -> None:
    """Write the public lane's version into DIR, for nginx or a CDN to serve.

    One file a range, the filter, the signed parameters and the register, and DIR/nginx.conf to
    include. Run it after each publish, then: nginx -s reload. Best served by somebody else than
    whoever evaluates: nobody then sees both halves of a question. The configuration names DIR by
    its whole path: on another machine, copy DIR to that same path.
    """
    from loaders import report
    from loaders.export import Exporter
    from loaders.progress import Progress
    from lookup.index import store

    chosen = Settings.from_env()
    with store.opened(chosen) as opened:
        done = Exporter(opened, chosen.cache, folder, Progress()).export()
    report.show([asdict(done)], _SHOWN, as_json=as_json)
    if done.changed:
        note("nginx serves it from the next: nginx -s reload")
