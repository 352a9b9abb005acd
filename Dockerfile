# Medianote in a container: the pages by default, any other command when it is named.
# It is built by the classic builder and by BuildKit alike.

FROM python:3.13-slim AS build
RUN python -m venv /opt/medianote
WORKDIR /src
# The pinned packages are a layer of their own: a change of the code does not install them anew.
COPY requirements.lock ./
RUN /opt/medianote/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY . .
# The build's own tools are pinned too: nothing comes from the network here. They and pip stay behind.
RUN /opt/medianote/bin/python -m pip install --no-cache-dir --no-deps --no-index --no-build-isolation . \
 && /opt/medianote/bin/python -m pip uninstall --yes hatchling setuptools pip

FROM python:3.13-slim
RUN groupadd --gid 10001 medianote \
 && useradd --uid 10001 --gid medianote --no-create-home --home-dir /var/lib/medianote --shell /usr/sbin/nologin medianote \
 && install --directory --owner=medianote --group=medianote --mode=0700 /var/lib/medianote
COPY --from=build /opt/medianote /opt/medianote
ENV PATH=/opt/medianote/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MEDIANOTE_STATE_DIR=/var/lib/medianote
USER 10001:10001
WORKDIR /var/lib/medianote
EXPOSE 8000
# Of the pages; who runs another command gives another one, as compose.yaml does for workers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["medianote"]
CMD ["web", "--host", "0.0.0.0"]
