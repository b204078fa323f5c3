"""``qorgan doctor``: one line for each thing that was looked at, and what to do about it."""

import re
from collections import Counter
from dataclasses import asdict

import click

from loaders.terminal import json_option, note
from lookup.errors import Code, InputError, UnavailableError
from lookup.settings import Settings


@click.command()
@click.option("--url", metavar="URL", help="Ask the deployment at its public address, too.")
@json_option
def doctor(*, url: str | None, as_json: bool) -> int:
    """Look at a deployment from inside, and say what to mend. Nothing is changed.

    Run it with the settings and as the user of the node in question; it looks at settings, folders,
    keys, store, index and service, and with --url at what comes through the proxy. Exit code 3 if
    there is a problem, 0 if there are warnings only.
    """
    from loaders import report
    from loaders.doctor import Examination
    from loaders.finding import Finding, Level

    settings = Settings.from_env()
    if url is not None and not re.match(r"https?://[^/]", url):
        raise InputError(Code.BAD_USAGE, "--url must be an http:// or https:// URL")
    found: list[Finding] = []
    for finding in Examination(settings, url).findings():
        found.append(finding)
        if not as_json:
            click.echo(f"{finding.level:<8} {finding.check}: {finding.sentence}")
    if as_json:
        report.show([asdict(finding) for finding in found], (), as_json=True)
    levels = Counter(finding.level for finding in found)
    problems, warnings = levels[Level.PROBLEM], levels[Level.WARNING]
    note(f"problems: {problems}, warnings: {warnings}, in order: {levels[Level.OK]}")
    return UnavailableError.exit_code if problems else 0
