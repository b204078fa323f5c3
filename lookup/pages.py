"""What a person sees at ``/``: for now, how to ask."""

from flask import Blueprint, Response

site = Blueprint("site", __name__)

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Qorgan</title>
<h1>Qorgan</h1>
<p>Is my IIN in a leak, which of my data were, and what should I do now?</p>
<p>Ask without showing your IIN to this service: <code>qorgan check --server URL</code></p>
<p>The register of leaks: <a href="/v1/breaches">/v1/breaches</a></p>
</html>
"""


@site.get("/")
def index() -> Response:
    """A page without scripts, cookies or anything from elsewhere."""
    return Response(
        _PAGE, mimetype="text/html", headers={"Content-Security-Policy": "default-src 'none'"}
    )
