/** What a strict pod gives: nothing to write to, a user without a name, no home, no capability. Made by unshare(1): needs root. */
import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect } from 'vitest';
import { aMeeting, BIN, test } from '../support/stage.ts';

const USER = '65532';
const STRIPPED = [
  'setpriv',
  `--reuid=${USER}`,
  `--regid=${USER}`,
  '--clear-groups',
  '--no-new-privs',
  '--bounding-set=-all',
  '--inh-caps=-all',
];
/** Every mount of it: /tmp, /dev/shm and what else there may be. */
const READ_ONLY = `mount --make-rprivate / &&
  cut -d' ' -f5 /proc/self/mountinfo | while read -r each; do mount -o remount,bind,ro "$each" 2>/dev/null; done;
  exec env -u HOME ${STRIPPED.join(' ')} "$@"`;
const BARE = ['unshare', '--mount', 'sh', '-c', READ_ONLY, 'sh', process.execPath, BIN] as const;

beforeEach(({ skip }) => {
  if (process.getuid?.() !== 0) skip('remounting needs root');
  const [name = '', ...args] = [...STRIPPED, 'test', '-r', BIN];
  if (spawnSync(name, args).status !== 0) skip(`user ${USER} may not read ${BIN}`);
  const [unshare, ...rest] = BARE;
  const probe = 'try { require("node:fs").writeFileSync("/tmp/bare", ""); process.exit(9) } catch {}';
  const { status, stderr } = spawnSync(unshare, [...rest.slice(0, -1), '-e', probe], { encoding: 'utf8' });
  if (status !== 0) skip(`no read-only mounts can be made here: ${status} ${stderr}`);
});

describe('nothing can be written', () => {
  test.for(['exec', 'supervise'])(
    'takeover %s: the server runs, and no word of complaint (fault 8)',
    async (takeover, { stage }) => {
      const look = 'id -u; env | grep -c ^HOME=; (: > /tmp/x) 2>/dev/null || echo read-only';
      const muster = stage.start(['run', `--takeover=${takeover}`, '--log-level=warn', '--', 'sh', '-c', look], {
        program: BARE,
      });
      const { status, stdout, stderr } = await muster.ended();
      expect({ status, stdout: stdout.toString(), stderr }).toEqual({
        status: 0,
        stdout: `${USER}\n0\nread-only\n`,
        stderr: '',
      });
    },
  );

  test('a group of two meets and serves (fault 8)', async ({ stage }) => {
    const group = { command: ['launch', 'model-server'], members: 2, meeting: await aMeeting(), program: BARE };
    const [head, worker] = await stage.group(group);
    await worker?.said(/the whole group is ready/, 60_000);
    head.kill('SIGTERM');
    expect((await head.ended(60_000)).status).toBe(0);
    await worker?.ended(60_000);
  });
});
