/** The user we run as, and the places where programs expect to write. */
import type { Facts } from '../facts.ts';
import { type Finding, mib, sayAs } from '../finding.ts';

const say = sayAs('account');
const LITTLE_BYTES = 512 * 1024 * 1024;

export function checkAccount({ account, needs, env }: Pick<Facts, 'account' | 'needs' | 'env'>): Finding[] {
  return [
    user(account, env),
    ...(env.HOME ? [] : [noHome]),
    ...account.places.flatMap((place) => ofPlace(place, needs)),
  ];
}

function user({ uid, name }: Facts['account'], env: Facts['env']): Finding {
  if (name !== undefined) return say.ok({ subject: 'user', value: `${name} (uid ${uid})` });
  const said = { subject: 'user', value: `uid ${uid}, which /etc/passwd does not know` };
  if (env.USER || env.LOGNAME) return say.note(said);
  const next = 'Set USER to any name: Python’s getpass.getuser, and PyTorch’s compiler with it, fails without.';
  return say.warn({ ...said, wanted: 'an entry, or USER', next });
}

const noHome = say.warn({
  subject: 'HOME',
  value: null,
  wanted: 'a directory to write in',
  next: 'Set HOME (or HF_HOME) to a volume, /tmp say: caches of models and kernels go there.',
});

const REMEDY: Readonly<Record<string, string>> = {
  HOME: 'Mount an emptyDir there, or set HOME to a directory that this user may write.',
  temp: 'Mount an emptyDir there, or set TMPDIR and RAY_TMPDIR elsewhere.',
  'hub cache': 'Mount a volume, and set HF_HOME to it.',
};

function ofPlace(
  { name, path, writable, disk }: Facts['account']['places'][number],
  { engine, fromHub }: Facts['needs'],
): Finding[] {
  if (name === 'hub cache' && !fromHub) return [];
  const subject = `${name}, ${path}`;
  if (!writable) {
    const level = name === 'hub cache' || (name === 'temp' && engine === 'ray') ? say.fail : say.warn;
    return [level({ subject, value: 'may not be written by this user', wanted: 'writable', next: REMEDY[name] ?? '' })];
  }
  if (name === 'temp' && disk && disk.freeBytes < LITTLE_BYTES) {
    const said = { subject: `${subject}, free`, value: mib(disk.freeBytes), unit: 'MiB' };
    const next = 'Free some, or set TMPDIR and RAY_TMPDIR to another volume; Ray stops taking work at 95 % full.';
    return [say.warn({ ...said, wanted: `at least ${mib(LITTLE_BYTES)} MiB`, next })];
  }
  return [say.ok({ subject, value: 'writable' })];
}
