/** Finding Ray and its version in the layouts pip, venv, Debian, env shebangs and pyenv leave behind. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MusterError } from '../../../src/errors.ts';
import { findRay } from '../../../src/launch/start/ray/installed.ts';

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-ray-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}
const program = (path: string, text: string) => file(path, text, 0o755);
const metadata = (site: string, version: string) =>
  file(join(site, `ray-${version}.dist-info/METADATA`), `Metadata-Version: 2.1\nName: ray\nVersion: ${version}\n`);

const LAYOUTS: { name: string; make: (at: string) => string; version: string | undefined }[] = [
  {
    name: 'venv',
    make: (at) => {
      program(join(at, 'bin/python3'), '');
      program(join(at, 'bin/ray'), `#!${at}/bin/python3\nimport sys\n`);
      metadata(join(at, 'lib/python3.11/site-packages'), '2.58.0');
      return join(at, 'bin');
    },
    version: '2.58.0',
  },
  {
    name: 'script elsewhere, shebang into the venv',
    make: (at) => {
      program(join(at, 'venv/bin/python3.12'), '');
      program(join(at, 'links/ray'), `#!${at}/venv/bin/python3.12\n`);
      metadata(join(at, 'venv/lib/python3.12/site-packages'), '2.60.0');
      return join(at, 'links');
    },
    version: '2.60.0',
  },
  {
    name: "a link to the venv's script",
    make: (at) => {
      program(join(at, 'venv/bin/ray'), '#!/bin/sh\nexec something\n');
      metadata(join(at, 'venv/lib/python3.10/site-packages'), '2.40.0');
      mkdirSync(join(at, 'usr/bin'), { recursive: true });
      symlinkSync(join(at, 'venv/bin/ray'), join(at, 'usr/bin/ray'));
      return join(at, 'usr/bin');
    },
    version: '2.40.0',
  },
  {
    name: "Debian's dist-packages under /usr/local",
    make: (at) => {
      program(join(at, 'usr/local/bin/ray'), `#!${at}/usr/bin/python3\n`);
      metadata(join(at, 'usr/local/lib/python3.11/dist-packages'), '2.52.1');
      return join(at, 'usr/local/bin');
    },
    version: '2.52.1',
  },
  {
    name: '#!/usr/bin/env python3',
    make: (at) => {
      program(join(at, 'py/bin/python3'), '');
      program(join(at, 'scripts/ray'), '#!/usr/bin/env python3\n');
      metadata(join(at, 'py/lib/python3.11/site-packages'), '2.55.0');
      return `${join(at, 'scripts')}:${join(at, 'py/bin')}`;
    },
    version: '2.55.0',
  },
  {
    name: 'the long shebang of pip',
    make: (at) => {
      const python = join(at, 'a b/bin/python');
      program(python, '');
      program(join(at, 'bin/ray'), `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\nimport sys\n`);
      metadata(join(at, 'a b/lib/python3.11/site-packages'), '2.53.0');
      return join(at, 'bin');
    },
    version: '2.53.0',
  },
  {
    name: 'a pre-release',
    make: (at) => {
      program(join(at, 'bin/ray'), `#!${at}/bin/python3\n`);
      metadata(join(at, 'lib/python3.11/site-packages'), '3.0.0.dev0');
      return join(at, 'bin');
    },
    version: '3.0.0.dev0',
  },
  {
    name: 'other packages that begin with ray',
    make: (at) => {
      program(join(at, 'bin/ray'), `#!${at}/bin/python3\n`);
      file(join(at, 'lib/python3.11/site-packages/ray_cpp-1.0.dist-info/METADATA'), 'Version: 1.0\n');
      return join(at, 'bin');
    },
    version: undefined,
  },
  {
    name: 'a shim of pyenv',
    make: (at) => {
      program(join(at, 'shims/ray'), '#!/usr/bin/env bash\nexec pyenv exec ray "$@"\n');
      return join(at, 'shims');
    },
    version: undefined,
  },
  {
    name: 'a compiled program',
    make: (at) => {
      program(join(at, 'bin/ray'), '\x7fELF\0\0');
      return join(at, 'bin');
    },
    version: undefined,
  },
];

test.each(LAYOUTS)('$name → $version', ({ name, make, version }) => {
  const path = make(join(root, name.replace(/\W+/g, '-')));
  const found = findRay(`relative:${path}`);
  expect(found.command).toBe(join(path.split(':')[0] ?? '', 'ray'));
  expect(found.version).toBe(version);
});

test('no ray: 127 and what to do', () => {
  let error: unknown;
  try {
    findRay(join(root, 'nowhere'));
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(MusterError);
  expect(error).toMatchObject({ code: 'NOT_FOUND', exitStatus: 127, hint: expect.stringContaining('--engine native') });
});

test('a ray that may not be run: 126', () => {
  file(join(root, 'plain/ray'), 'text', 0o644);
  expect(() => findRay(join(root, 'plain'))).toThrow(expect.objectContaining({ exitStatus: 126 }));
});
