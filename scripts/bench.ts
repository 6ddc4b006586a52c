/**
 * `npm run bench [-- NAME…] [--json] [--slow]`: measures muster beside what a user would pick instead, in one run.
 * Never part of a test: numbers of a shared machine prove nothing when they are asserted.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { Figure } from './bench/figure.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ run: () => Promise<Figure[]> }>>> = {
  launch: () => import('./bench/launch.ts'),
  gate: () => import('./bench/gate.ts'),
  rally: () => import('./bench/rally.ts'),
  scale: () => import('./bench/scale.ts'),
  detect: () => import('./bench/detect.ts'),
  recover: () => import('./bench/recover.ts'),
  gateway: () => import('./bench/gateway.ts'),
  'gateway-story': () => import('./bench/gateway-story.ts'),
  'gateway-grpc': () => import('./bench/gateway-grpc.ts'),
  'gateway-queue': () => import('./bench/gateway-queue.ts'),
  'gateway-openai': () => import('./bench/gateway-openai.ts'),
  'gateway-tfs': () => import('./bench/gateway-tfs.ts'),
};

const asked = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const json = process.argv.includes('--json');
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(
    `bench: there is no bench "${unknown.join(', ')}"; there are: ${Object.keys(BENCHES).join(', ')}\n`,
  );
  process.exit(64);
}

if (!json) {
  const gib = Math.round(totalmem() / 2 ** 30);
  process.stdout.write(
    `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${gib} GiB, Node ${process.versions.node}\n`,
  );
}
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) {
  if (!json) process.stdout.write(`\n${name}\n`);
  const figures = (await (await BENCHES[name]?.())?.run()) ?? [];
  process.stdout.write(json ? figures.map((each) => `${JSON.stringify(each)}\n`).join('') : table(figures));
}
process.exit();

function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ figure, value, unit, peer, peerValue, ratio }) => [
    figure,
    `${value} ${unit}`,
    `${peer}: ${peerValue} ${unit}`,
    ratio >= 1 ? `${ratio}x less` : `${Math.round((100 * value) / peerValue) / 100}x as much`,
  ]);
  const width = (at: number) => Math.max(...rows.map((row) => row[at]?.length ?? 0));
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, at) => cell.padEnd(width(at)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
