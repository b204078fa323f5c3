# One image for every role: the web server (default), or `qorgan load` and the operator's commands.
FROM python:3.13-slim
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 QORGAN_DATA=/data QORGAN_BIND=0.0.0.0:8000
WORKDIR /app
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE wsgi.py ./
COPY lookup lookup
COPY loaders loaders
RUN pip install --no-deps --no-build-isolation . \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin qorgan \
    && install -d -o qorgan -m 0700 /data
USER qorgan
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["qorgan"]
CMD ["serve"]
