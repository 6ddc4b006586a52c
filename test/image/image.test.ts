/** What `docker build .` gives: it stands on a base without a shell here, so whatever runs at all needs none. */
import { describe, expect, test } from 'vitest';
import { IMAGES } from '../../scripts/engine.ts';
import { CONFINED, COUNT_ZOMBIES, docker, yardWith } from './support/yard.ts';

const yard = yardWith(['muster', 'group']);

describe('the image of muster', () => {
  test('is nobody’s, starts under tini, and adds at most 140 MB in one layer', async () => {
    const { stdout } = await docker(['image', 'inspect', '--format={{json .Config}}', IMAGES.muster]);
    const config = JSON.parse(stdout);
    expect(config.User).toBe('65532:65532');
    expect(config.Entrypoint).toEqual(['/opt/muster/lib/tini', '-g', '--', '/opt/muster/muster']);
    const history = await docker([
      'history',
      '--human=false',
      '--no-trunc',
      '--format={{.Size}} {{.CreatedBy}}',
      IMAGES.muster,
    ]);
    const [copied, ...more] = history.stdout.split('\n').filter((line) => /COPY/.test(line));
    expect(more).toEqual([]);
    expect(Number.parseInt(copied ?? '', 10)).toBeLessThan(140e6);
  });

  test.each([
    { asked: ['--version'], says: /^\d+\.\d+\.\d+\n$/ },
    { asked: ['--help'], says: /launch <runtime>/ },
    { asked: [], says: /launch <runtime>/ },
    { asked: ['runtimes'], says: /^vllm .*\/opt\/muster\/lib-.*\/runtimes\/vllm\.yaml$/m },
  ])('muster $asked, with a root that is read-only and no privilege', async ({ asked, says }) => {
    const { status, stdout, stderr } = await yard().run(IMAGES.muster, CONFINED, ...asked);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(says);
  });

  test('holds no shell, no npm and no other Node', async () => {
    for (const program of ['/bin/sh', '/usr/bin/env', '/usr/local/bin/node', '/usr/bin/npm']) {
      // Docker's own 127: there is no such file.
      expect(await yard().run(IMAGES.muster, [`--entrypoint=${program}`])).toMatchObject({ status: 127 });
    }
  });

  test('a name it does not know ends with its status, through tini', async () => {
    const { status, stderr } = await yard().run(IMAGES.muster, CONFINED, 'launch', 'no-such-runtime');
    expect(status).toBe(64);
    expect(stderr).toContain('RUNTIME_UNKNOWN');
  });
});

/** Says `up`, and `bye` when it is asked to stop. */
const SERVER = `
import signal, sys
def bye(*_):
    print('bye', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
print('up', flush=True)
while True:
    signal.pause()
`;

describe.each(['supervise', 'exec'])('on somebody’s image, takeover %s', (takeover) => {
  const serve = () =>
    yard().start('one', IMAGES.group, CONFINED, 'run', `--takeover=${takeover}`, '--', 'python3', '-c', SERVER);

  test('SIGTERM reaches the server, which ends as it likes', async () => {
    const one = await serve();
    await one.said(/^up$/);
    expect(await one.stop()).toBe(0);
    await one.said(/^bye$/);
  });

  test('orphans are reaped, those of `docker exec` too', async () => {
    const one = await serve();
    await one.said(/^up$/);
    const { status, stdout, stderr } = await one.exec(...COUNT_ZOMBIES);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0\n', stderr: '' });
  });
});
