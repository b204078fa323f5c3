# One image for every role: a web node (default), `qorgan load` and the operator's commands.
FROM python:3.13-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/qorgan
COPY requirements-image.lock ./
RUN /opt/qorgan/bin/pip install --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE wsgi.py ./
COPY lookup lookup
COPY loaders loaders
RUN /opt/qorgan/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin qorgan \
    && install -d -o qorgan -m 0700 /data
COPY --from=build /opt/qorgan /opt/qorgan
ENV PATH=/opt/qorgan/bin:$PATH PYTHONDONTWRITEBYTECODE=1 QORGAN_DATA=/data QORGAN_BIND=0.0.0.0:8000
USER qorgan
VOLUME /data
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
ENTRYPOINT ["qorgan"]
CMD ["serve"]
