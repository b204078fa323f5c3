"""The WSGI entry point: ``gunicorn -c python:lookup.gunicorn_conf wsgi:app``."""

from lookup.app import create_app
from lookup.settings import Settings

app = create_app(Settings.from_env())
