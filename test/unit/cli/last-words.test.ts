/** A launch that is refused before there is a plan leaves its reason where Kubernetes looks for it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { muster } from './fixture.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-cli-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** @returns the file's path, and what is in it after the run, if it is there */
async function words(
  name: string,
  argv: (log: string) => readonly string[],
  env: (log: string) => object = () => ({}),
) {
  const log = join(directory, name);
  const answer = await muster(argv(log), env(log) as Record<string, string>);
  return { ...answer, text: existsSync(log) ? readFileSync(log, 'utf8') : undefined };
}

describe('one line of JSON', () => {
  test.each([
    {
      when: 'a flag is none',
      argv: ['launch', 'vllm', '--rnak=1'],
      status: 64,
      code: 'USAGE',
      says: '--rnak is not an option',
    },
    { when: 'there is no runtime', argv: ['launch', 'nothing'], status: 64, code: 'RUNTIME_UNKNOWN', says: 'nothing' },
    { when: 'there is no command', argv: ['run'], status: 64, code: 'USAGE', says: 'muster run' },
    { when: 'there is no model', argv: ['launch', 'vllm'], status: 78, code: 'MODEL_UNSET', says: 'model' },
    {
      when: 'the rank is beyond',
      argv: ['launch', 'demo', '--rank=9', '--world-size=2', '--head-address=h'],
      status: 78,
      code: 'TOPOLOGY_INVALID',
      says: '9',
    },
    {
      when: 'the token is no file',
      argv: ['run', '--token-file=/no/such', '--', 'true'],
      status: 66,
      code: 'TOKEN_FILE_UNREADABLE',
      says: '/no/such',
    },
  ])('when $when', async ({ when, argv: [command = '', ...rest], status, code, says }) => {
    const given = await words(when, (log) => [command, `--termination-log=${log}`, ...rest]);
    expect(given.status).toBe(status);
    expect(given.text).toMatch(/^[^\n]+\n$/);
    const said = JSON.parse(given.text ?? '');
    expect(said).toMatchObject({ v: 1, origin: 'launcher', code, status, retriable: false, lastLines: [] });
    expect(said.message).toContain(says);
    expect(given.stderr).toContain(said.hint);
  });

  test('all complaints are in it, and no secret is', async () => {
    const given = await words(
      'all',
      () => ['launch', 'vllm', '--rank=x', '--api-key=geheimnis'],
      (log) => ({ MUSTER_TERMINATION_LOG: log, MUSTER_LEASE: 'long', HF_TOKEN: 'x' }),
    );
    const { message } = JSON.parse(given.text ?? '');
    expect(message).toContain('rank');
    expect(message).toContain('MUSTER_LEASE');
    expect(given.text).not.toContain('geheimnis');
  });
});

test.each(['--explain', '--dry-run'])('%s only asks: nothing is written, however it ends', async (flag) => {
  const given = await words(flag, (log) => ['launch', 'vllm', flag, '--rank=x', `--termination-log=${log}`]);
  expect(given).toMatchObject({ status: 64, text: undefined });
});

test('a termination log that cannot be written is one warning more', async () => {
  const { status, stderr } = await muster(['launch', '--termination-log=/no/such/file']);
  expect(status).toBe(64);
  expect(stderr).toMatch(/the termination log \/no\/such\/file cannot be written/);
});
