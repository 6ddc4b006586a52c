/** `npm run demo`, as its second half: everything is installed and built. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { noRay } from '../support/ray.ts';
import { type Ended, type Stage, test } from '../support/stage.ts';

const DEMO = join(import.meta.dirname, '../../../scripts/demo.ts');
/** Of the demo's Ray: `m-` and six letters in the temporary directory. */
const directories = () => readdirSync(tmpdir()).filter((name) => /^m-\w{6}$/.test(name));

async function demo(stage: Stage, ...argv: string[]): Promise<Ended> {
  return stage.start(argv, { program: [process.execPath, DEMO] }).ended(60_000);
}

describe('the demo', () => {
  test.for([
    { engine: 'ray', members: 2 },
    { engine: 'native', members: 2 },
    { engine: 'native', members: 4 },
  ])(
    'engine $engine, $members members: an answer, who held which shard, and nothing left',
    async (row, { stage, skip }) => {
      if (row.engine === 'ray' && noRay) skip(noRay);
      const before = directories();
      const ended = await demo(stage, `--engine=${row.engine}`, `--members=${row.members}`);
      const said = ended.stdout.toString();
      expect({ status: ended.status, said }).toEqual({
        status: 0,
        said: expect.stringContaining('no process is left'),
      });
      expect(said).toMatch(/answer \(random weights, so random words\): "[^"]{24}"/);
      expect(said.match(/ {2}shard \d: heads [\d,]+, \d+ parameters, /g)).toHaveLength(row.members);
      expect(said).toContain(`the user's args: --tensor-parallel-size=${row.members}`);
      expect(said).not.toMatch(/FAILED|LEFT BEHIND|ERROR|BUG/);
      expect(directories()).toEqual(before);
    },
  );

  test('interrupted: it stops what it has started', async ({ stage }) => {
    const running = stage.start(['--engine=native'], { program: [process.execPath, DEMO] });
    await running.printed(/starting demo-native/);
    running.kill('SIGINT');
    await running.ended();
  });

  test('an engine that does not exist: 64', async ({ stage }) => {
    expect(await demo(stage, '--engine=mpi')).toMatchObject({
      status: 64,
      stderr: expect.stringMatching(/ray or native/),
    });
  });
});
