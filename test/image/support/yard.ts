/**
 * Containers of a test: started by the docker command line, known by a label of their own, and gone with the test. Where
 * there is no engine and none can be started, the tests say why they did not run.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach } from 'vitest';
import { ensureEngine, ensureImages, type ImageName, LABEL } from '../../../scripts/engine.ts';

/** Milliseconds for what takes seconds here; two cores may be shared. */
const PATIENCE_MS = 120_000;
const OUTPUT_BYTES = 16 << 20;

/** As a careful cluster runs a pod: nobody's user, nothing writable but /tmp and /dev/shm, no capability to be had. */
export const CONFINED: readonly string[] = [
  '--user=65532:65532',
  '--read-only',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--tmpfs=/tmp',
  '--tmpfs=/dev/shm:rw,nosuid,nodev,size=256m',
  '--env=HOME=/tmp',
];

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Any status is an answer; only a docker that cannot be run, or does not end, is an error. */
export function docker(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile('docker', args, { timeout: PATIENCE_MS, maxBuffer: OUTPUT_BYTES }, (error, stdout, stderr) => {
      const status = error ? error.code : 0;
      if (typeof status === 'number' && !error?.killed) resolve({ status, stdout, stderr });
      else reject(new Error(`docker ${args.join(' ')}: ${error?.message}\n${stderr}`));
    });
  });
}

async function must(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: status ${status}: ${stderr}`);
  return stdout.trim();
}

/** A container that stays. */
export class Container {
  readonly name: string;
  readonly #logs: ChildProcess;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  #isSilent = false;

  constructor(name: string) {
    this.name = name;
    this.#logs = spawn('docker', ['logs', '-f', name], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#logs.stdout, this.#logs.stderr])
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#news(() => this.#lines.push(line)));
    this.#logs.once('close', () => this.#news(() => (this.#isSilent = true)));
  }

  /** What it has said until now. */
  get words(): string {
    return this.#lines.join('\n');
  }

  /** Resolves with the first line that matches; rejects when it ends, or after two minutes, without one. */
  async said(what: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const because = (why: string) => reject(new Error(`${this.name} ${why} without ${what}; it said:\n${this.words}`));
    const look = () => {
      const found = this.#lines.find((line) => what.test(line));
      if (found !== undefined) resolve(found);
      else if (this.#isSilent) because('ended');
    };
    const late = setTimeout(() => because(`went on for ${PATIENCE_MS} ms`), PATIENCE_MS);
    this.#listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(late);
      this.#listeners.delete(look);
    });
  }

  exec(...argv: readonly string[]): Promise<Outcome> {
    return docker(['exec', this.name, ...argv]);
  }

  /** SIGTERM, as the kubelet sends it. SIGKILL after a minute shows as 137. */
  async stop(): Promise<number> {
    await must(['stop', '--time=60', this.name]);
    return Number(await must(['inspect', '--format={{.State.ExitCode}}', this.name]));
  }

  /** Nobody waits for `docker logs` any more. */
  leave(): void {
    this.#logs.kill('SIGKILL');
  }

  #news(happens: () => void): void {
    happens();
    for (const listener of [...this.#listeners]) listener();
  }
}

/** What one test makes. */
export class Yard {
  readonly id = `mt-${randomBytes(4).toString('hex')}`;
  readonly #containers: Container[] = [];

  get #label(): string {
    return `--label=${LABEL}=${this.id}`;
  }

  /** Runs to its end. @param flags of `docker run` */
  run(image: string, flags: readonly string[], ...argv: readonly string[]): Promise<Outcome> {
    return docker(['run', '--rm', this.#label, '--network=none', ...flags, image, ...argv]);
  }

  async start(name: string, image: string, flags: readonly string[], ...argv: readonly string[]): Promise<Container> {
    const full = `${this.id}-${name}`;
    await must(['run', '--detach', this.#label, `--name=${full}`, `--hostname=${name}`, ...flags, image, ...argv]);
    const container = new Container(full);
    this.#containers.push(container);
    return container;
  }

  network(): Promise<string> {
    return must(['network', 'create', this.#label, this.id]);
  }

  volume(): Promise<string> {
    return must(['volume', 'create', this.#label]);
  }

  /** Everything that carries the label. */
  async sweep(): Promise<void> {
    for (const container of this.#containers.splice(0)) container.leave();
    const mine = `--filter=label=${LABEL}=${this.id}`;
    const list = async (...args: readonly string[]) =>
      (await must([...args, '--quiet', mine])).split('\n').filter(Boolean);
    for (const one of await list('ps', '--all')) await docker(['rm', '--force', '--volumes', one]);
    for (const one of await list('network', 'ls')) await must(['network', 'rm', one]);
    for (const one of await list('volume', 'ls')) await must(['volume', 'rm', one]);
  }
}

/**
 * The images are there before the tests of this file, or each says why it does not run.
 * @returns the yard of the test that runs
 */
export function yardWith(images: readonly ImageName[]): () => Yard {
  let why: string | undefined;
  let yard = new Yard();
  beforeAll(async () => {
    why = (await ensureEngine()).skip;
    if (why === undefined) await ensureImages(images);
  }, 900_000);
  beforeEach(({ skip }) => {
    if (why !== undefined) skip(`no containers: ${why}`);
    yard = new Yard();
  });
  afterEach(async () => {
    if (why === undefined) await yard.sweep();
  });
  return () => yard;
}

/** In a container with a shell: makes orphans that end at once, waits until they ended, and counts zombies. */
export const COUNT_ZOMBIES = [
  'sh',
  '-c',
  `for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sleep 0.2 &); done
   while pgrep -x sleep >/dev/null; do sleep 0.05; done
   ps -eo stat,comm | grep -c '^Z' || true`,
];
