/** What the container tests call their images, and the label by which everything of theirs is known and swept. */

/** Carried by every image, container, network and volume that is made here or by a test. */
export const LABEL = 'muster-test';

export const IMAGES = {
  /** Debian with Python, and nothing of Node: what a stock image stands on. */
  base: 'muster-test/base:bookworm',
  /** glibc, libstdc++ and certificates; no shell and no package manager: what muster's own image stands on. */
  bare: 'muster-test/bare:bookworm',
  /** `base` with Ray and numpy, as somebody else would build it: knows nothing of muster. */
  stock: 'muster-test/stock:ray',
  /** Where the Dockerfile builds: `base` with this checkout's node_modules in /src. */
  build: 'muster-test/build:node',
  /** What `docker build .` gives. */
  muster: 'muster-test/muster:latest',
  /** `stock` with muster copied in and its entrypoint: a member of a group. */
  group: 'muster-test/group:latest',
} as const;

export type ImageName = keyof typeof IMAGES;
