# genbench on processors: docker build -t genbench .
# docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" genbench run -m kde,vae -d moons --preset smoke
FROM python:3.12-slim AS build

RUN python -m venv /opt/genbench
ENV PATH=/opt/genbench/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /source
COPY constraints.txt ./
RUN pip install -c constraints.txt torch --index-url https://download.pytorch.org/whl/cpu
COPY pyproject.toml README.md LICENSE .gitignore ./
COPY genbench genbench
COPY plugins plugins
RUN pip install -c constraints.txt .

FROM python:3.12-slim

COPY --from=build /opt/genbench /opt/genbench
RUN useradd --create-home genbench && mkdir /work && chown genbench /work
# any user of --user can write here
ENV PATH=/opt/genbench/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib XDG_CACHE_HOME=/tmp/cache
USER genbench
WORKDIR /work
ENTRYPOINT ["genbench"]
CMD ["--help"]
