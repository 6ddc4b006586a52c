/** What a server finds, and what its end means, when it replaces muster and when muster stays beside it. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { inParallel } from '../process/programs.ts';
import { BIN, freePorts, RUNTIMES, type Stage, type StartOptions, test } from '../support/stage.ts';

const fixture = (name: string) => join(RUNTIMES, '..', name);
const run = (takeover: string, ...command: readonly string[]) => ['run', `--takeover=${takeover}`, '--', ...command];
const TAKEOVERS = ['exec', 'supervise'];
const DEADLY = [1, 2, 3, 6, 9, 11, 13, 15];
/** Every status that means something to somebody, and the edges. */
const STATUSES = [
  0, 1, 2, 3, 42, 63, 64, 69, 75, 78, 79, 80, 81, 100, 124, 126, 127, 128, 130, 137, 143, 200, 254, 255,
];

describe.for(TAKEOVERS)('takeover %s, muster run', (takeover) => {
  test('mirrors the status', async ({ stage }) => {
    const statuses = await inParallel(STATUSES, 3, async (status) => {
      const ended = await stage.run(run(takeover, fixture('exit-with'), `${status}`));
      return ended.status;
    });
    expect(statuses).toEqual(STATUSES);
  });

  test('mirrors a death by signal as 128 + n', async ({ stage }) => {
    const statuses = await inParallel(DEADLY, 3, async (signal) => {
      const ended = await stage.run(run(takeover, fixture('die-by-signal'), `${signal}`));
      return ended.status;
    });
    expect(statuses).toEqual(DEADLY.map((signal) => 128 + signal));
  });

  test('stdin is the server’s, stdout holds nothing but its words', async ({ stage }) => {
    const stdin = 'a\0b\nno newline at the end 😀';
    const ended = await stage.run(run(takeover, 'cat'), { stdin });
    expect(ended.stdout.toString()).toBe(stdin);
    const loud = ['run', `--takeover=${takeover}`, '--log-level=debug', '--log-format=json', '--', 'echo', 'server'];
    expect((await stage.run(loud)).stdout.toString()).toBe('server\n');
  });

  test('the server can write a megabyte by one write', async ({ stage }) => {
    const ended = await stage.run(run(takeover, fixture('write-megabyte')));
    expect(ended.stdout.length).toBe(1_000_000);
    expect(ended.stderr).toMatch(/1000000/);
  });

  test('the environment is ours, without what is muster’s own (fault 15)', async ({ stage }) => {
    const env = {
      MUSTER_TOKEN: 'x'.repeat(32),
      MUSTER_GRACE: '1',
      NODE_OPTIONS: '--no-warnings',
      ODD: ' a=b\n😀',
      EMPTY: '',
    };
    const ended = await stage.run(run(takeover, 'env', '-0'), { env });
    const names = new Map(ended.stdout.toString().split('\0').filter(Boolean).map(cutAtEquals));
    expect(names.get('ODD')).toBe(' a=b\n😀');
    expect(names.get('EMPTY')).toBe('');
    const ours = [...names.keys()].filter((name) => name.startsWith('MUSTER_') || name === 'NODE_OPTIONS');
    expect(ours).toEqual(takeover === 'exec' ? [] : ['MUSTER_RUN_ID']); // by which what is left of it is found
  });

  test('signals reach the server', async ({ stage }) => {
    const muster = stage.start(run(takeover, fixture('print-signals')));
    await muster.printed(/ready/);
    for (const signal of ['SIGUSR1', 'SIGHUP', 'SIGWINCH', 'SIGUSR2'] as const) {
      muster.kill(signal);
      await muster.printed(new RegExp(signal));
    }
    muster.kill(takeover === 'exec' ? 'SIGKILL' : 'SIGTERM');
    if (takeover === 'supervise') {
      await muster.printed(/SIGTERM/);
      await stage.kill(/print-signals/);
    }
    expect((await muster.ended()).status).toBe(137);
  });

  test('a program that is not there is 127, one that may not be executed 126 (fault 29)', async ({ stage }) => {
    expect(await stage.run(run(takeover, 'no-such-program'))).toMatchObject({
      status: 127,
      stderr: expect.stringMatching(/NOT_FOUND no-such-program is in no directory of PATH/),
    });
    expect(await stage.run(run(takeover, '/usr'))).toMatchObject({
      status: 126,
      stderr: expect.stringMatching(/NOT_EXECUTABLE \/usr is a directory/),
    });
  });
});

const cutAtEquals = (line: string): [string, string] => {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
};

describe('takeover exec alone', () => {
  test('the server has our PID and leaves nothing of muster', async ({ stage }) => {
    const muster = stage.start(run('exec', 'sh', '-c', 'echo $$; cat /proc/$$/cmdline; ls /proc/$$/fd'));
    const { stdout, stderr } = await muster.ended();
    expect(Number.parseInt(stdout.toString(), 10)).toBe(muster.pid);
    expect(stdout.toString()).not.toContain(BIN);
    expect(stderr).toBe('');
  });

  test('is what one member does unless it is told otherwise', async ({ stage }) => {
    const muster = stage.start(['run', '--', 'sh', '-c', 'echo $$']);
    expect(Number.parseInt((await muster.ended()).stdout.toString(), 10)).toBe(muster.pid);
  });

  test('launch too: its status passes, 0 as well', async ({ stage }) => {
    const launch = (...args: string[]) => ['launch', 'model-server', `--runtimes=${RUNTIMES}`, '--', ...args];
    expect((await stage.run(launch('--exit=3'))).status).toBe(3);
    expect((await stage.run(launch('--exit=0'))).status).toBe(0);
  });
});

describe('takeover supervise alone', () => {
  async function aServer(
    stage: Stage,
    serverArgs: readonly string[],
    options: readonly string[] = [],
    how: StartOptions = {},
  ) {
    const [port] = await freePorts(1);
    const ours = [`--runtimes=${RUNTIMES}`, '--takeover=supervise', `--server-port=${port}`, ...options];
    return stage.start(['launch', 'model-server', ...ours, '--', ...serverArgs], how);
  }

  test.for([
    { exit: 0, status: 81, says: 'ended with status 0, and nobody had asked it to' },
    { exit: 3, status: 3, says: 'ended with status 3, and nobody had asked it to' },
    { exit: 137, status: 137, says: 'was ended by signal 9, and nobody had asked it to' },
  ])('an exit with $exit that nobody asked for is $status', async ({ exit, status, says }, { stage }) => {
    const ended = await (await aServer(stage, [`--exit=${exit}`])).ended();
    expect(ended).toMatchObject({
      status,
      stderr: expect.stringContaining(`SERVER_EXITED the server model-server of`),
    });
    expect(ended.stderr).toContain(says);
  });

  test('a death by SIGSEGV after it was ready is 139', async ({ stage }) => {
    const muster = await aServer(stage, []);
    await muster.said(/ready after/);
    await stage.kill(/model-server --port/, 'SIGSEGV');
    const ended = await muster.ended();
    expect(ended).toMatchObject({
      status: 139,
      stderr: expect.stringMatching(/SERVER_EXITED .* was ended by signal 11/),
    });
  });

  test.for([
    { when: 'ends with 0', args: [], status: 0 },
    { when: 'ends with 143 itself', args: ['--on-term=143'], status: 143 },
    { when: 'ends with 5', args: ['--on-term=5'], status: 5 },
    { when: 'takes its time', args: ['--slow-term=0.5', '--on-term=7'], status: 7 },
  ])('SIGTERM to a server that $when: $status', async ({ args, status }, { stage }) => {
    const muster = await aServer(stage, args);
    await muster.said(/ready after/);
    muster.kill('SIGTERM');
    expect(await muster.ended()).toMatchObject({ status, stdout: Buffer.from('ready\nbye\n') });
  });

  test('SIGTERM to a server without a handler is 143', async ({ stage }) => {
    const muster = stage.start(run('supervise', 'sh', '-c', 'echo ready; exec sleep 600'));
    await muster.printed(/ready/);
    muster.kill('SIGTERM');
    expect((await muster.ended()).status).toBe(143);
  });

  test('a server that ignores SIGTERM is killed after the grace: 137, and its children with it', async ({ stage }) => {
    const muster = await aServer(stage, ['--deaf', '--fork'], ['--grace=0.4']);
    await muster.said(/ready after/);
    const asked = performance.now();
    muster.kill('SIGTERM');
    const ended = await muster.ended();
    expect(ended.status).toBe(137);
    expect(ended.at - asked).toBeGreaterThan(350);
  });

  test('a second SIGTERM reaches the server too, and ends nothing earlier (fault 11)', async ({ stage }) => {
    const muster = stage.start(run('supervise', fixture('end-late')));
    await muster.printed(/ready/);
    muster.kill('SIGTERM');
    muster.kill('SIGTERM');
    const ended = await muster.ended();
    expect(ended).toMatchObject({ status: 0, stdout: Buffer.from('ready\nlate\n') });
  });

  test.for([
    { first: 'SIGINT', status: 130 },
    { first: 'SIGTERM', status: 143 },
  ] as const)(
    '$first, then SIGINT: what will not go is killed, long before the grace is over, $status (fault 11)',
    async ({ first, status }, { stage }) => {
      const both = '"$0" & exec "$0"';
      const muster = stage.start([
        'run',
        '--takeover=supervise',
        '--grace=600',
        '--',
        'sh',
        '-c',
        both,
        fixture('print-signals'),
      ]);
      await muster.printed(/ready\nready/);
      muster.kill(first);
      await muster.said(new RegExp(`was asked to stop by ${first}`));
      await new Promise((resolve) => setTimeout(resolve, 300)); // the fault itself: two presses, not one that came twice
      muster.kill('SIGINT');
      await muster.said(/asked again by SIGINT: what still runs is killed/);
      expect((await muster.ended(30_000)).status).toBe(status);
    },
  );

  test('a child in a session of its own does not outlive the server', async ({ stage }) => {
    const muster = await aServer(stage, ['--fork']);
    await muster.said(/ready after/);
    expect(await stage.find(/model-server --port/)).toHaveLength(2);
    muster.kill('SIGTERM');
    expect((await muster.ended()).status).toBe(0);
  });

  test('an end in between leaves no child either (fault 34)', async ({ stage }) => {
    const muster = await aServer(stage, ['--fork', '--exit=4']);
    expect((await muster.ended()).status).toBe(4);
  });

  test('never ready: 124, with what was last heard (fault 31)', async ({ stage }) => {
    const ended = await (await aServer(stage, ['--never-ready'], ['--ready-timeout=1'])).ended(6_000);
    expect(ended).toMatchObject({
      status: 124,
      stderr: expect.stringMatching(/SERVER_NOT_READY .*1 s.*(ECONNREFUSED|refuse|listen)/),
    });
  });

  test('a closed stderr stops nobody (fault 12)', async ({ stage }) => {
    const muster = stage.start(run('supervise', fixture('end-late')));
    await muster.printed(/ready/);
    muster.deafen();
    muster.kill('SIGTERM');
    expect((await muster.ended()).status).toBe(0);
  });

  test('a stderr that nobody reads holds nobody up, and what was lost is told (fault 12)', async ({ stage }) => {
    const pipe = join(stage.directory(), 'stderr');
    execFileSync('mkfifo', [pipe]);
    const file = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(file));
    const some = Buffer.alloc(4096, 'x');
    while (tried(() => writeSync(file, some)));
    const program = ['sh', '-c', 'exec "$0" "$@" 2>"$PIPE"', process.execPath, BIN] as const;
    const muster = stage.start(run('supervise', fixture('end-late')), { program: [...program], env: { PIPE: pipe } });
    await muster.printed(/ready/);
    // Its words may come while this is read, or only after the signal.
    const heard: string[] = [];
    const hear = () => {
      const bytes = readSync(file, some);
      heard.push(some.toString('utf8', 0, bytes));
      return bytes;
    };
    while (tried(hear));
    muster.kill('SIGTERM');
    expect((await muster.ended()).status).toBe(0);
    while (tried(hear));
    const said = heard.join('').replace(/^x+/, '');
    expect(said).toMatch(/^muster: \d+ bytes of this log are lost: nobody read it\nmuster \+/);
  });
});

/** False once the pipe is full, or empty. */
function tried(once: () => number): boolean {
  try {
    return once() > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
