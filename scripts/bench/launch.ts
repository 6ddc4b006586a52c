/**
 * Cold start: the whole process of `muster launch` in exec takeover, from the first byte of Node to the end of a server
 * that does nothing, beside a bare `node -e 0`; with a group of one, and as a worker that joins a head that waits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Authority } from '../../test/wire/support/certificates.ts';
import { freePorts, MUSTER } from '../group.ts';
import { type Figure, figure, quantile } from './figure.ts';
import { alternate, type Cost, cost } from './fresh-process.ts';

const ROUNDS = 21;

export async function run(): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'mb-'));
  try {
    const secret = secretIn(join(dir, 'tls'));
    return [
      ...(await alone(dir)),
      ...(await joining('join a waiting head and exec, two members')),
      ...(await joining('the same over mutual TLS', [`--tls-dir=${secret}`])),
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const NODE = [process.execPath, '-e', '0'];

/** A server of the catalogue whose program is true(1). */
async function alone(dir: string): Promise<Figure[]> {
  mkdirSync(join(dir, 'bin'));
  mkdirSync(join(dir, 'model'));
  writeFileSync(join(dir, 'model', 'config.json'), '{}');
  symlinkSync('/bin/true', join(dir, 'bin', 'tritonserver'));
  const env = [`PATH=${join(dir, 'bin')}:/usr/bin:/bin`, `MODEL_DIR=${join(dir, 'model')}`];
  const costs = await alternate(
    {
      launch: ['/usr/bin/env', ...env, ...MUSTER, 'launch', 'triton', '--', '--strict-readiness=true'],
      run: [...MUSTER, 'run', '--', 'true'],
      node: NODE,
    },
    ROUNDS,
  );
  return [
    ...beside('launch a catalogue server, exec, world size 1', costs.launch, costs.node),
    ...beside('run a command, exec, world size 1', costs.run, costs.node),
  ];
}

/** Each round: a head is up and waits; then a worker starts, joins, is told to start, and becomes true(1). */
async function joining(what: string, options: readonly string[] = []): Promise<Figure[]> {
  const workers: Cost[] = [];
  const nodes: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [rally = 0, master = 0] = await freePorts(2);
    const member = (rank: number) => [
      ...MUSTER,
      ...['run', '--engine=native', '--takeover=exec', '--world-size=2', `--rank=${rank}`, `--member=m${rank}`],
      ...[
        '--head-address=127.0.0.1',
        `--rally-port=${rally}`,
        `--engine-port=${master}`,
        '--log-level=debug',
        ...options,
        '--',
        'true',
      ],
    ];
    const head = await listening(member(0));
    workers.push(await cost(member(1)));
    await head.gone;
    nodes.push(await cost(NODE));
  }
  return beside(what, workers, nodes);
}

/** As cert-manager mounts it, for both members. */
function secretIn(directory: string): string {
  const authority = new Authority();
  const { cert, key } = authority.issue('member', { names: ['127.0.0.1'] });
  mkdirSync(directory);
  for (const [name, text] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert }))
    writeFileSync(join(directory, name), text);
  return directory;
}

/** Resolves once the head listens; `gone` resolves with its exit. */
async function listening([program = '', ...args]: string[]): Promise<{ gone: Promise<unknown> }> {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.stderr) {
    const lines = createInterface({ input: child.stderr });
    await new Promise<void>((resolve) => lines.on('line', (line) => line.includes('listening on') && resolve()));
  }
  return { gone };
}

function beside(what: string, ours: readonly Cost[], node: readonly Cost[]): Figure[] {
  return (['wallMs', 'cpuMs'] as const).map((which) => {
    const median = (runs: readonly Cost[]) =>
      quantile(
        runs.map((each) => each[which]),
        0.5,
      );
    const word = which === 'wallMs' ? 'wall' : 'CPU';
    return figure(
      {
        bench: 'launch',
        figure: `${what}, ${word}, median of ${ours.length}`,
        value: median(ours),
        unit: 'ms',
        peer: 'node -e 0',
        peerValue: median(node),
      },
      1,
    );
  });
}
