/**
 * `npm run demo`: a real group of two on this machine. A head and a worker are separate muster processes on loopback;
 * each starts its own real Ray node; the demo server shards a small transformer over them and answers a request.
 *
 *   npm run demo                        two members, engine ray
 *   npm run demo -- --engine native     the same server without Ray
 *   npm run demo -- --members 4         four members, four shards
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePorts, startGroup } from './group.ts';

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'ray' },
    members: { type: 'string', default: '2' },
    prompt: { type: 'string', default: 'The head and its workers' },
  },
});
const members = Number(values.members);
if (!['ray', 'native'].includes(values.engine) || !(members >= 1 && members <= 8)) {
  process.stderr.write('demo: --engine is ray or native, --members is 1 to 8\n');
  process.exit(64);
}

const startedAt = performance.now();
const since = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
const say = (text: string) => process.stdout.write(`demo +${since()}: ${text}\n`);

const rayDirectory = mkdtempSync(join(tmpdir(), 'm-'));
const [rally = 0, engine = 0, http = 0] = await freePorts(3);
const group = startGroup({
  runtime: values.engine === 'ray' ? 'demo' : 'demo-native',
  members,
  ports: { rally, engine, http },
  // A directory for each Ray node, as on a machine of its own: two that start at once in one may pick the same socket.
  options: (rank) => (values.engine === 'ray' ? [`--engine-arg=--temp-dir=${join(rayDirectory, String(rank))}`] : []),
  serverArgs: [`--tensor-parallel-size=${members}`],
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void group.stop());

try {
  say(
    `${members} members on this machine, engine ${values.engine}; the user's args: --tensor-parallel-size=${members}`,
  );
  await group.ready;
  say('the group is ready; asking it for a completion');
  const base = `http://127.0.0.1:${http}`;
  const request = { model: values.engine === 'ray' ? 'demo' : 'demo-native', prompt: values.prompt, max_tokens: 24 };
  const reply = await fetch(`${base}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  const answer = (await reply.json()) as { choices?: { text: string }[] };
  if (!reply.ok) throw new Error(`the server answered ${reply.status}: ${JSON.stringify(answer)}`);
  say(`POST /v1/completions ${JSON.stringify(request)}`);
  say(`answer (random weights, so random words): ${JSON.stringify(answer.choices?.[0]?.text)}`);
  const models = (await (await fetch(`${base}/v1/models`)).json()) as { data: { shards: Shard[] }[] };
  say('who held which shard:');
  for (const shard of models.data[0]?.shards ?? []) {
    const node = values.engine === 'ray' ? `Ray node ${shard.node_id.slice(0, 12)}` : `member ${shard.node_id}`;
    say(
      `  shard ${shard.rank}: heads ${shard.heads.join(',')}, ${shard.parameters} parameters, ${node}, pid ${shard.pid}`,
    );
  }
} catch (error) {
  say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  say('stopping');
  await group.stop();
  rmSync(rayDirectory, { recursive: true, force: true });
  const left = group.survivors();
  for (const process of left) say(`LEFT BEHIND: ${process}`);
  if (left.length > 0) process.exitCode = 1;
  else say(`everything is stopped, no process is left; ${since()} in all`);
}

interface Shard {
  rank: number;
  node_id: string;
  pid: number;
  heads: number[];
  parameters: number;
}
