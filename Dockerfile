# The image of muster: `muster install` of this checkout, and nothing else. It is what an init container installs from, what
# `COPY --from` takes muster from, and a command line. docs/image.md says what each layer is.
#
#   docker build -t muster .

# Where it is built: a Debian with Node and npm. `npm run build` installs what package-lock.json names.
ARG BUILD_BASE=node:24-bookworm-slim
# What it stands on: glibc 2.28 or later with libstdc++. No shell and no package manager are needed.
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${BUILD_BASE} AS build
LABEL muster.stage=build
RUN [ -x /usr/bin/tini-static ] \
 || (apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*)
WORKDIR /src
COPY . .
RUN node scripts/run.mjs build && node dist/bin.js install /opt/muster

FROM ${BASE}
COPY --from=build /opt/muster /opt/muster
ENV PATH=/opt/muster:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 65532:65532
ENTRYPOINT ["/opt/muster/lib/tini", "-g", "--", "/opt/muster/muster"]
