# The service in a container. Two stages: what builds stays behind.
#
#   docker build -t cdp .
#   docker run --rm -v cdp-data:/data -v cdp-keys:/keys cdp init
#   docker run -p 127.0.0.1:8080:8080 -v cdp-data:/data -v cdp-keys:/keys cdp

FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /opt/cdp && python -m venv /opt/backend
COPY requirements.lock requirements-dev.lock ./
RUN /opt/cdp/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
# The build backend comes from the development lock, with its hashes, and stays here.
RUN awk '/^[a-z]/ {keep = /^(editables|hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} keep' \
      requirements-dev.lock > backend.lock \
    && /opt/backend/bin/pip install --no-cache-dir --require-hashes -r backend.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY policies policies
COPY cdp cdp
# In place, without its dependencies: policies and migrations are read beside the package.
RUN PYTHONPATH=$(/opt/backend/bin/python -c 'import site; print(site.getsitepackages()[0])') \
      /opt/cdp/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation -e . \
    && /opt/cdp/bin/python -m compileall -q cdp \
    && rm requirements.lock requirements-dev.lock backend.lock

FROM python:3.11-slim
COPY --from=build /opt/cdp /opt/cdp
COPY --from=build /app /app
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin cdp \
    && install -d -o cdp -g cdp -m 0700 /data /keys
ENV PATH=/opt/cdp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CDP_DATA=/data \
    CDP_KEYS=/keys/ring.json
USER cdp
WORKDIR /
# Data and keys are two volumes, so that a copy of one is not a copy of both.
VOLUME ["/data", "/keys"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD \
    ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["cdp"]
CMD ["serve", "--host", "0.0.0.0"]
