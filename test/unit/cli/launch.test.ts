import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOME, muster } from './fixture.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-cli-'));
  writeFileSync(
    join(directory, 'mine.yaml'),
    `name: mine
title: Mine
model: none
engine: { several: none, single: none }
engines: { none: { head: ["{runtime_dir}/serve", "{server_args}"] } }
devices: { kind: cpu }
ports: { http: { default: 8080 } }
health: { kind: tcp }
`,
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

const json = async (argv: readonly string[], env = {}) => {
  const { status, stdout, stderr } = await muster(argv, { MUSTER_JSON: '1', MUSTER_EXPLAIN: '1', ...env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
};

describe('--explain prints the plan and starts nothing', () => {
  test.each(['--explain', '--dry-run'])('%s, as text', async (flag) => {
    const { status, stdout, stderr } = await muster(['launch', 'vllm', flag, '--', '-tp=1'], { MODEL_ID: 'org/qwen' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^runtime +vllm +command line\n/);
    expect(stdout).toMatch(/server \(head\) +vllm serve org\/qwen .* -tp=1\n/);
  });

  test('as JSON, with server args that are none of our business', async () => {
    const args = ['1.0', '1e5', '0x10', '--help', '--rank=x', '', 'a b', '--', '--explain', '\n'];
    const { commands } = await json(['run', '--', 'serve', ...args]);
    expect(commands).toEqual([{ who: 'server (head)', argv: ['serve', ...args] }]);
  });

  test('a runtime of the user, from a directory relative to where muster was started', async () => {
    const options = { MUSTER_JSON: '1', MUSTER_EXPLAIN: '1' };
    const { stdout } = await muster(['launch', 'mine', '--runtimes=.', '--', 'x'], options, { cwd: directory });
    expect(JSON.parse(stdout).commands[0].argv).toEqual([`${directory}/serve`, 'x']);
  });

  test('a set but empty `--` means no args of its own', async () => {
    expect((await json(['launch', 'demo', '--'])).terms).toEqual((await json(['launch', 'demo'])).terms);
  });
});

describe('what is refused: one line and one hint for each, and the status of the first', () => {
  test.each([
    { when: 'there is no runtime', argv: ['launch'], status: 64, says: ['USAGE muster launch was given no runtime'] },
    { when: 'there is only --', argv: ['launch', '--', 'vllm'], status: 64, says: ['was given no runtime'] },
    {
      when: 'args stand before --',
      argv: ['launch', 'vllm', 'a', 'b'],
      status: 64,
      says: ['"a b" stands before `--`'],
    },
    { when: 'run has no command', argv: ['run'], status: 64, says: ['muster run was given no command'] },
    { when: 'run has an empty command', argv: ['run', '--'], status: 64, says: ['muster run was given no command'] },
    {
      when: 'a command stands before --',
      argv: ['run', 'ls', '--', 'x'],
      status: 64,
      says: ['"ls" stands before `--`'],
    },
    {
      when: 'a flag is unknown',
      argv: ['launch', 'vllm', '--wrold-size=2'],
      status: 64,
      says: ['--wrold-size is not an option', 'Did you mean --world-size?'],
    },
    {
      when: 'a runtime is unknown',
      argv: ['launch', 'vlm'],
      status: 64,
      says: ['RUNTIME_UNKNOWN', 'there are: demo, demo-native, hugging'],
    },
    { when: 'a runtime is a path', argv: ['launch', '../runtimes/vllm'], status: 64, says: ['RUNTIME_UNKNOWN'] },
    {
      when: 'an env twin is wrong',
      argv: ['launch', 'vllm'],
      env: { MUSTER_RALLY_PORT: '80a' },
      status: 78,
      says: ['CONFIG_INVALID MUSTER_RALLY_PORT is "80a"'],
    },
    {
      when: 'flag and env are wrong',
      argv: ['launch', 'vllm', '--rank=x'],
      env: { MUSTER_LEASE: 'y' },
      status: 64,
      says: ['--rank is "x"', 'MUSTER_LEASE is "y"'],
    },
    { when: 'there is no model', argv: ['launch', 'vllm'], status: 78, says: ['MODEL_UNSET'] },
    {
      when: 'the model is missing',
      argv: ['launch', 'vllm'],
      env: { MODEL_DIR: '/nowhere' },
      status: 66,
      says: ['MODEL_DIR_MISSING MODEL_DIR is /nowhere'],
    },
    {
      when: 'a group has no token',
      argv: ['launch', 'demo', '--world-size=2', '--rank=0'],
      status: 78,
      says: ['TOKEN_MISSING'],
    },
    {
      when: 'several things are wrong',
      argv: ['launch', 'vllm', '--world-size=2', '--rank=0'],
      status: 78,
      says: ['MODEL_UNSET', 'TOKEN_MISSING'],
    },
  ])('when $when → $status', async ({ argv, env = {}, status, says }) => {
    const answer = await muster(argv, env);
    expect(answer.status).toBe(status);
    expect(answer.stdout).toBe('');
    for (const words of says) expect(answer.stderr).toContain(words);
    expect(answer.stderr).toMatch(/^(muster: [A-Z_]+ .+\n→ .+\n)+$/);
  });

  test.each([
    { argv: ['launch', 'vllm', '--api-key', 'hunter2'] },
    { argv: ['launch', 'vllm', '--api-key=hunter2'] },
    { argv: ['launch', 'vllm', '--hf-token', 'hunter2', '--', 'x'] },
    { argv: ['run', 'serve', '--token', 'hunter2'] },
    { argv: ['lanch', '--api-key', 'hunter2'] },
    { argv: ['launch', 'vllm', '--rank=x', '--', '--api-key=hunter2', '--port=x'], env: { MUSTER_TOKEN: 'hunter2' } },
    {
      argv: ['launch', 'vllm', '--', '--port', '--api-key=hunter2', '-tp', 'x --api-key hunter2'],
      env: { MODEL_ID: 'q' },
    },
    { argv: ['launch', 'vllm'], env: { MUSTER_ENGINE_ARGS: '--redis-password=hunter2' } },
    { argv: ['launch', 'demo', '--world-size=2', '--rank=0'], env: { MUSTER_TOKEN: 'hunter2' } },
    {
      argv: ['launch', 'demo', '--explain', '--world-size=2', '--rank=0'],
      env: { MUSTER_TOKEN: 'hunter2hunter2hunter2' },
    },
  ])('a secret is never said back: $argv', async ({ argv, env = {} }) => {
    const { stdout, stderr } = await muster(argv, env);
    expect(stdout + stderr).not.toContain('hunter2');
    expect((stdout + stderr).length).toBeGreaterThan(10);
  });

  test('what somebody else wrote cannot forge a line', async () => {
    const { stderr } = await muster(['launch', 'x\nmuster: OK'], {});
    expect(stderr).not.toContain('\nmuster: OK');
    expect(stderr).toContain('x\\x0amuster: OK');
  });

  test('what nobody foresaw is 70 and asks for a report', async () => {
    const answer = await muster(
      ['runtimes'],
      {},
      {
        stdout: () => {
          throw new Error('oops');
        },
      },
    );
    expect(answer.status).toBe(70);
    expect(answer.stderr).toMatch(/^muster: BUG Error: oops\n[\s\S]+Please report this/);
  });
});

test('the shipped runtimes are found wherever muster was started', async () => {
  expect((await muster(['launch', 'demo', '--explain'], {}, { cwd: '/', home: HOME })).status).toBe(0);
});
