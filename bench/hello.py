"""The least that Flask can do, under the same server: what ranges are held against."""

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/hello")
def hello() -> str:
    """Say hello."""
    return "hello"


@app.get("/healthz")
def healthz() -> str:
    """The server's configuration asks here before it says that it is ready."""
    return "alive"
