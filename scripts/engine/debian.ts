/** A Debian to build on where there is no image registry: made by debootstrap from the mirror this machine uses. */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, must } from './run.ts';

/** Its Python is 3.11; what is installed for it says so. */
const SUITE = 'bookworm';
const MORE = ['python3', 'procps', 'ca-certificates'];
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';

/** Packages of which the bare image is made: what Node needs, and nothing that runs. */
const BARE = ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'gcc-12-base', 'netbase'];
/** Made by packages' scripts, so in no list; and the links that make /lib one with /usr/lib. */
const MADE = ['/bin', '/sbin', '/lib', '/lib64', '/etc/passwd', '/etc/group', '/etc/ld.so.cache'];
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const UNWANTED = /^\/usr\/share\/(doc|man|lintian|locale|bug|doc-base)(\/|$)/;

/** What decides the contents; while it is the same, so is the image. */
export const recipe = JSON.stringify({ SUITE, MORE, BARE, MADE });

/** Imports both images from one rootfs, which is removed again. */
export function importDebian(names: { readonly base: string; readonly bare: string }, labels: readonly string[]): void {
  const rootfs = join(cache, 'rootfs');
  rmSync(rootfs, { recursive: true, force: true });
  try {
    const include = `--include=${MORE.join(',')}`;
    must(['debootstrap', '--variant=minbase', include, SUITE, rootfs, mirror()], { timeoutMs: 600_000 });
    for (const folder of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'])
      for (const entry of within(join(rootfs, folder))) rmSync(entry, { recursive: true, force: true });
    importFiles(rootfs, ['.'], names.base, labels);
    importFiles(rootfs, ['--no-recursion', ...bareFiles(rootfs)], names.bare, labels);
  } finally {
    rmSync(rootfs, { recursive: true, force: true });
  }
}

function importFiles(rootfs: string, files: readonly string[], name: string, labels: readonly string[]): void {
  const [list, tar] = [join(cache, 'files'), join(cache, 'image.tar')];
  writeFileSync(list, files.join('\n'));
  must(['tar', '-C', rootfs, '--numeric-owner', '-cf', tar, '-T', list]);
  must(['docker', 'import', ...labels.flatMap((label) => ['--change', `LABEL ${label}`]), tar, name]);
  for (const file of [list, tar]) rmSync(file);
}

function bareFiles(rootfs: string): string[] {
  const lists = within(join(rootfs, 'var/lib/dpkg/info'));
  const listed = BARE.flatMap((name) => {
    const list = lists.find(
      (file) => file.endsWith(`/${name}.list`) || (file.includes(`/${name}:`) && file.endsWith('.list')),
    );
    return list ? readFileSync(list, 'utf8').split('\n') : [];
  });
  const folders = CERTIFICATES.split('/')
    .slice(1, -1)
    .map((_, at, all) => `/${all.slice(0, at + 1).join('/')}`);
  const paths = [...MADE, ...folders, CERTIFICATES, ...listed]
    .filter((path) => path.length > 1 && !UNWANTED.test(path))
    .map((path) => path.replace(/^\/(lib|lib64|bin|sbin)\//, '/usr/$1/'));
  return [...new Set(paths)]
    .filter((path) => lstatSync(join(rootfs, path), { throwIfNoEntry: false }))
    .map((path) => `.${path}`);
}

/** From apt's own sources; Debian's own host when they name no Debian. */
function mirror(): string {
  const files = ['/etc/apt/sources.list', ...within('/etc/apt/sources.list.d')];
  const found = files
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .flatMap((file) => mirrorsIn(readFileSync(file, 'utf8')));
  return process.env.DEBIAN_MIRROR ?? found.find((url) => /\/debian\/?$/.test(url)) ?? DEFAULT_MIRROR;
}

const within = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];

/** `deb [options] URL suite …` lines, and `URIs: URL …` fields. */
export const mirrorsIn = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const one = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)/.exec(line)?.[1];
    const many = /^\s*URIs:\s*(.+)$/.exec(line)?.[1];
    return [...(one ? [one] : []), ...(many ? many.trim().split(/\s+/) : [])];
  });
