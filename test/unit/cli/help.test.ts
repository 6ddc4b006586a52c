import { describe, expect, test } from 'vitest';
import { OPTIONS, type Option } from '../../../src/launch/args/options.ts';
import { muster } from './fixture.ts';

describe('help and version', () => {
  test.each([
    { argv: [], says: 'muster <command>' },
    { argv: ['--help'], says: 'muster <command>' },
    { argv: ['-h'], says: 'muster <command>' },
    { argv: ['--version'], says: '9.8.7' },
    { argv: ['launch', '--help'], says: 'muster launch <runtime>' },
    { argv: ['launch', 'vllm', '--rank=1', '-h', '--', '--x'], says: 'muster launch <runtime>' },
    { argv: ['run', '--help'], says: 'muster run [options] -- <any command>' },
    { argv: ['probe', '--help'], says: 'muster probe startup|ready|live' },
    { argv: ['status', '--help'], says: 'muster status [options]' },
    { argv: ['doctor', '--help'], says: 'muster doctor [runtime]' },
    { argv: ['runtimes', '--help'], says: 'muster runtimes [show NAME]' },
  ])('$argv → 0, $says', async ({ argv, says }) => {
    const { status, stdout, stderr } = await muster(argv);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(says);
  });

  test.each(['launch', 'run'])('%s --help names every option with its twin, default and unit', async (command) => {
    const text = (await muster([command, '--help'])).stdout.replace(/\s+/g, ' ');
    for (const [name, option] of Object.entries(OPTIONS as Record<string, Option>)) {
      expect(text).toContain(`--${name}`);
      expect(text).toContain(`${option.describe} [${option.env}]`);
      const fallback = 'default' in option ? String(option.default) : option.otherwise;
      if (fallback !== undefined) expect(text).toContain(`(default: ${fallback})`);
    }
  });

  test.each([{ argv: ['lanch'] }, { argv: ['lanch', '--rank=1'] }, { argv: ['--rank=1'] }])(
    '$argv → 64',
    async ({ argv }) => {
      const { status, stdout, stderr } = await muster(argv);
      expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
      expect(stderr).toMatch(/^muster: USAGE .+\n→ See `muster --help`\.\n$/);
    },
  );
});
