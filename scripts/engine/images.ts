/** The images of the container tests, each made once for what it is made from: a label holds the hash of that. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './daemon.ts';
import { importDebian, recipe } from './debian.ts';
import { IMAGES, type ImageName, LABEL } from './names.ts';
import { attempt, cache, must, root, timed } from './run.ts';

const MADE_FROM = `${LABEL}.made-from`;

interface Image {
  readonly on: readonly ImageName[];
  /** Everything that decides its contents, beside the images it stands on. */
  readonly inputs: () => readonly string[];
  readonly make: (labels: readonly string[]) => void;
}

const file = (path: string): string => `${path}\n${readFileSync(join(root, path), 'utf8')}`;

const IMAGE: Readonly<Record<ImageName, Image>> = {
  base: { on: [], inputs: () => [recipe], make: makeDebian },
  bare: { on: [], inputs: () => [recipe], make: makeDebian },
  stock: {
    on: ['base'],
    inputs: () => [file('runtimes/demo/requirements.txt'), makeStock.toString()],
    make: makeStock,
  },
  build: {
    on: ['base'],
    inputs: () => [file('package-lock.json'), makeBuild.toString(), UNUSED.source],
    make: makeBuild,
  },
  muster: {
    on: ['build', 'bare'],
    inputs: () =>
      [
        'Dockerfile',
        '.dockerignore',
        'LICENSE',
        'package.json',
        'scripts/build.ts',
        'scripts/slim.ts',
        'scripts/run.mjs',
        ...filesBelow('src', 'runtimes', 'web'),
      ].map(file),
    make: (labels) => {
      const bases = { BUILD_BASE: IMAGES.build, BASE: IMAGES.bare };
      const args = Object.entries(bases).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
      must(['docker', 'build', '-t', IMAGES.muster, ...args, ...labelled(labels), '.'], { env: CLASSIC });
    },
  },
  group: { on: ['stock', 'muster'], inputs: () => [makeGroup.toString()], make: makeGroup },
};

/** The builder that every engine has: BuildKit is a plugin of newer clients that need not be there. */
const CLASSIC = { ...process.env, DOCKER_BUILDKIT: '0' };

/** Makes what is missing or was made from something else; `wanted` and all they stand on, each looked at once. */
export function makeImages(wanted: readonly ImageName[], seen: Set<ImageName> = new Set()): void {
  for (const name of wanted) {
    makeImages(IMAGE[name].on, seen);
    if (seen.has(name)) continue;
    seen.add(name);
    const hash = hashOf(name);
    if (labelOf(name) === hash) continue;
    timed(`image ${IMAGES[name]}`, () => IMAGE[name].make([`${LABEL}=image`, `${MADE_FROM}=${hash}`]));
    must(['docker', 'image', 'prune', '-f', '--filter', `label=${LABEL}`]);
    must(['docker', 'image', 'prune', '-f', '--filter', 'label=muster.stage']);
  }
}

function hashOf(name: ImageName): string {
  const hash = createHash('sha256');
  for (const each of IMAGE[name].on) hash.update(hashOf(each));
  for (const each of IMAGE[name].inputs()) hash.update(each);
  return hash.digest('hex');
}

const labelOf = (name: ImageName): string =>
  attempt([
    'docker',
    'image',
    'inspect',
    '--format',
    `{{index .Config.Labels "${MADE_FROM}"}}`,
    IMAGES[name],
  ]).stdout.trim();

const labelled = (labels: readonly string[]): string[] => labels.flatMap((label) => ['--label', label]);

/** debootstrap needs root; everything else is left to the engine. */
export const lackRoot = (): boolean => process.getuid?.() !== 0 && labelOf('base') !== hashOf('base');

/** Both come from one rootfs. */
function makeDebian(labels: readonly string[]): void {
  const missing = installed(['debootstrap']);
  if (missing) throw new Error(missing);
  importDebian(IMAGES, labels);
}

/** The wheels for Debian's Python, whatever Python this machine has; the scripts are made to call that one. */
function makeStock(labels: readonly string[]): void {
  const context = fresh('stock');
  const packages = join(context, 'packages');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const fit = ['--implementation', 'cp', '--python-version', '3.11', '--only-binary=:all:'];
  const platforms = ['2014', '_2_28'].flatMap((glibc) => ['--platform', `manylinux${glibc}_${arch}`]);
  const venv = join(root, '.venv/bin/python3');
  const pip = [
    existsSync(venv) ? venv : 'python3',
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-compile',
    '--target',
    packages,
  ];
  must([...pip, ...fit, ...platforms, '-r', 'runtimes/demo/requirements.txt'], { timeoutMs: 600_000 });
  for (const script of readdirSync(join(packages, 'bin'))) {
    const text = readFileSync(join(packages, 'bin', script), 'utf8');
    writeFileSync(join(packages, 'bin', script), text.replace(/^#!.*/, '#!/usr/bin/python3'));
  }
  const to = '/usr/local/lib/python3.11/dist-packages';
  build('stock', labels, [
    `FROM ${IMAGES.base}`,
    `COPY packages ${to}`,
    // With a root that is read-only nothing could be compiled later.
    `RUN mv ${to}/bin/* /usr/local/bin/ && python3 -m compileall -q -j 0 ${to}`,
    'WORKDIR /tmp',
  ]);
}

function makeGroup(labels: readonly string[]): void {
  build('group', labels, [
    `FROM ${IMAGES.stock}`,
    `COPY --from=${IMAGES.muster} /opt/muster /opt/muster`,
    'ENV PATH=/opt/muster:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'USER 65532:65532',
    'ENTRYPOINT ["/opt/muster/lib/tini", "-g", "--", "/opt/muster/muster"]',
  ]);
}

/** node_modules of this checkout where the Dockerfile builds: `npm ci` has nothing to do there. */
function makeBuild(labels: readonly string[]): void {
  const context = fresh('build');
  cpSync(join(root, 'node_modules'), join(context, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !UNUSED.test(path),
  });
  // Where it cannot be had the Dockerfile asks apt-get for it.
  const hasTini = installed(['tini-static']) === undefined;
  if (hasTini) cpSync('/usr/bin/tini-static', join(context, 'tini-static'));
  build('build', labels, [
    `FROM ${IMAGES.base}`,
    ...(hasTini ? ['COPY tini-static /usr/bin/'] : []),
    'COPY node_modules /src/node_modules',
    'ENV PATH=/src/node_modules/.bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ]);
}

/** Of what only tests and lint use, the large ones. */
const UNUSED =
  /\/node_modules\/node\/node_modules\/[^/]+\/(bin|include|share)|\/node_modules\/(@biomejs|@rolldown|@typescript|playwright-core|lightningcss[^/]*|\.vite[^/]*|\.cache)(\/|$)/;

/** `lines` are a Dockerfile, its context `.cache/engine/NAME`. */
function build(name: ImageName, labels: readonly string[], lines: readonly string[]): void {
  const context = join(cache, name);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
  try {
    must(['docker', 'build', '-t', IMAGES[name], ...labelled(labels), context], { env: CLASSIC, timeoutMs: 600_000 });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

function fresh(name: ImageName): string {
  const context = join(cache, name);
  rmSync(context, { recursive: true, force: true });
  mkdirSync(context, { recursive: true });
  return context;
}

function filesBelow(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => !/__pycache__|schema\.json$/.test(path) && statSync(join(root, path)).isFile())
      .sort(),
  );
}
