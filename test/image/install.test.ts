/** muster inside an image that was built without it: a volume filled by `muster install`, as an init container does. */
import { describe, expect, test } from 'vitest';
import { IMAGES } from '../../scripts/engine.ts';
import { CONFINED, COUNT_ZOMBIES, type Container, yardWith } from './support/yard.ts';

const yard = yardWith(['muster', 'stock']);

/** The init container. Docker makes a volume root's; a cluster opens it by fsGroup. */
const installInto = (volume: string) =>
  yard().run(IMAGES.muster, ['--user=0', `--volume=${volume}:/shared`], 'install', '/shared');

const COMPLETE = `
import json, urllib.request
body = json.dumps({'model': 'demo', 'prompt': 'hello', 'max_tokens': 4}).encode()
request = urllib.request.Request('http://127.0.0.1:8080/v1/completions', body, {'content-type': 'application/json'})
print(urllib.request.urlopen(request, timeout=60).read().decode())
print(urllib.request.urlopen('http://127.0.0.1:8080/v1/models', timeout=60).read().decode())
`;

describe('an image that knows nothing of Node', () => {
  test('launches a group of two from the volume, tensor-parallel over both', async () => {
    const volume = await yard().volume();
    expect(await installInto(volume)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\/shared\/muster: muster /),
    });
    const network = await yard().network();
    const token = 'MUSTER_TOKEN=a-token-of-some-length';
    const member = (rank: number, ...args: readonly string[]): Promise<Container> =>
      yard().start(
        rank === 0 ? 'head' : `worker-${rank}`,
        IMAGES.stock,
        [
          ...CONFINED,
          `--volume=${volume}:/shared:ro`,
          `--network=${network}`,
          ...(rank === 0 ? ['--network-alias=head'] : []),
          ...[token, 'MUSTER_WORLD_SIZE=2', `MUSTER_RANK=${rank}`, 'MUSTER_HEAD_ADDRESS=head'].map(
            (each) => `--env=${each}`,
          ),
          '--entrypoint=/shared/muster',
        ],
        'launch',
        'demo',
        '--',
        ...args,
      );
    const [head, worker] = await Promise.all([member(0, '--tensor-parallel-size=2'), member(1)]);
    await head.said(/ ready after /);
    await worker.said(/the whole group is ready/);

    const answer = await head.exec('python3', '-c', COMPLETE);
    expect(answer.status, answer.stderr).toBe(0);
    const [completion = '', models = ''] = answer.stdout.split('\n');
    expect(JSON.parse(completion).usage.completion_tokens).toBe(4);
    const { shards } = JSON.parse(models).data[0];
    expect(new Set(shards.map(({ node_ip }: { node_ip: string }) => node_ip)).size).toBe(2);

    for (const each of [head, worker]) {
      expect((await each.exec('cat', '/proc/1/comm')).stdout).toBe('tini\n');
      expect(await each.exec(...COUNT_ZOMBIES)).toMatchObject({ status: 0, stdout: '0\n' });
    }
    // As when the group is deleted: SIGTERM to all, and each is done well before the kubelet would kill it.
    for (const status of await Promise.all([head.stop(), worker.stop()])) expect([0, 143]).toContain(status);
    expect([head.words, worker.words].join('\n')).not.toMatch(/\bBUG\b|no tini/);
  });

  test('its exec probe answers from the volume', async () => {
    const volume = await yard().volume();
    await installInto(volume);
    const flags = [...CONFINED, '--network=none', `--volume=${volume}:/shared:ro`, '--entrypoint=/shared/muster'];
    const one = await yard().start(
      'one',
      IMAGES.stock,
      flags,
      'run',
      '--takeover=supervise',
      '--',
      'python3',
      '-c',
      'import time\nprint("up", flush=True)\ntime.sleep(600)',
    );
    await one.said(/^up$/);
    expect(await one.exec('/shared/muster', 'probe', 'live')).toMatchObject({ status: 0 });
    await one.stop();
  });
});

describe('refused, in one line each', () => {
  const nobody = ['--user=65532:65532'];
  test.each([
    {
      when: 'a volume that is read-only',
      flags: ['--user=0'],
      mount: 'ro',
      status: 73,
      says: /INSTALL_TARGET .*(EROFS|read-only)/,
    },
    {
      when: 'a volume of root, as another user',
      flags: nobody,
      mount: 'rw',
      status: 73,
      says: /INSTALL_TARGET .*EACCES/,
    },
  ])('$when', async ({ flags, mount, status, says }) => {
    const volume = await yard().volume();
    const ran = await yard().run(
      IMAGES.muster,
      [...flags, `--volume=${volume}:/shared:${mount}`],
      'install',
      '/shared',
    );
    expect(ran).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(says) });
    expect(ran.stderr.trim().split('\n')).toHaveLength(2);
  });

  test.each([
    {
      when: 'a volume too small',
      options: 'size=50m,exec,mode=1777',
      status: 74,
      says: /DISK_FULL .*52\.4 MB free, and muster needs 1\d\d\.\d MB/,
    },
    {
      when: 'a volume from which nothing may run',
      options: 'size=200m,noexec,mode=1777',
      status: 73,
      says: /INSTALL_TARGET .*does not run/,
    },
  ])('$when', async ({ options, status, says }) => {
    const ran = await yard().run(IMAGES.muster, [...CONFINED, `--tmpfs=/shared:${options}`], 'install', '/shared');
    expect(ran).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(says) });
    expect(ran.stderr.trim().split('\n')).toHaveLength(2);
  });

  test('a volume that holds somebody else’s files, which stay', async () => {
    const volume = await yard().volume();
    const mounted = [`--volume=${volume}:/shared`, '--user=0'];
    await yard().run(IMAGES.stock, mounted, 'touch', '/shared/model.bin');
    const ran = await yard().run(IMAGES.muster, mounted, 'install', '/shared');
    expect(ran).toMatchObject({ status: 78, stderr: expect.stringMatching(/INSTALL_NOT_OURS .*model\.bin/) });
    expect((await yard().run(IMAGES.stock, mounted, 'ls', '-A', '/shared')).stdout).toBe('model.bin\n');
  });
});
