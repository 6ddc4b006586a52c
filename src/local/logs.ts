/** The logs of all members as one: in the order of their times, and on, as they come. */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Docker, isGone } from './docker.ts';
import { frameReader, inOrder, justAfter, type LogLine } from './log-lines.ts';

export interface MemberLine extends LogLine {
  readonly member: string;
  readonly ordinal: number;
}

export interface Source {
  readonly id: string;
  readonly name: string;
  readonly ordinal: number;
}

/** Lines of a member, all or the last ones. */
async function* linesOf(
  docker: Docker,
  { id, name, ordinal }: Source,
  how: { readonly tail?: number | undefined; readonly since?: string | undefined; readonly follow?: boolean },
  signal?: AbortSignal,
): AsyncGenerator<MemberLine, void, undefined> {
  const stream = await docker.ask(`read the log of ${name}`, (api) => openLog(api.modem, id, how, signal));
  const read = frameReader();
  try {
    for await (const chunk of stream) {
      for (const line of read(chunk as Buffer)) yield { ...line, member: name, ordinal };
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    stream.destroy();
  }
}

/** Not `container.logs`: it collects a log in memory unless it follows it. */
function openLog(
  modem: Docker['api']['modem'],
  id: string,
  { tail, since, follow = false }: { tail?: number | undefined; since?: string | undefined; follow?: boolean },
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const options = {
    stdout: '1',
    stderr: '1',
    timestamps: '1',
    follow: follow ? '1' : '0',
    tail: tail === undefined ? 'all' : String(tail),
    ...(since === undefined ? {} : { since }),
  };
  const call = {
    path: `/containers/${id}/logs?`, // docker-modem adds the options behind the question mark
    options,
    method: 'GET',
    isStream: true,
    ...(signal ? { abortSignal: signal } : {}),
    statusCodes: { 200: true, 404: 'no such container', 500: 'server error' },
  };
  return new Promise((resolve, reject) => {
    modem.dial(call, (error, stream) => (error ? reject(error) : resolve(stream as Readable)));
  });
}

/** Everything there is, in order. @throws MusterError */
export async function* history(
  docker: Docker,
  sources: readonly Source[],
  tail?: number,
): AsyncGenerator<MemberLine, void, undefined> {
  yield* inOrder(sources.map((source) => linesOf(docker, source, { tail })));
}

/** The last lines of one member. @throws MusterError */
export async function lastLines(docker: Docker, source: Source, count: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { text } of linesOf(docker, source, { tail: count })) lines.push(text);
  return lines;
}

export interface Following {
  /** What was seen last of each member, by id; from there on. */
  readonly since: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly show: (line: MemberLine) => void;
}

/** How long a line waits for an earlier one of another member. Milliseconds. */
const WINDOW_MS = 200;
const CHECK_MS = 50;
/** Then it is shown as it came. */
const MAX_HELD = 10_000;

/** Resolves when `signal` says so, or every member is removed. @throws MusterError */
export async function follow(docker: Docker, sources: readonly Source[], how: Following): Promise<void> {
  let held: { line: MemberLine; heard: number }[] = [];
  const release = (before: number) => {
    const due = held.filter(({ heard }) => heard <= before).sort((a, b) => (a.line.at < b.line.at ? -1 : 1));
    held = held.filter(({ heard }) => heard > before);
    for (const { line } of due) how.show(line);
  };
  const push = (line: MemberLine) => {
    held.push({ line, heard: performance.now() });
    if (held.length >= MAX_HELD) release(Number.POSITIVE_INFINITY);
  };
  const over = new AbortController();
  const showing = (async () => {
    while (!over.signal.aborted) {
      release(performance.now() - WINDOW_MS);
      await sleep(CHECK_MS, undefined, { signal: over.signal }).catch(() => {});
    }
    release(Number.POSITIVE_INFINITY);
  })();
  const all = Promise.all(sources.map((source) => followOne(docker, source, how, push)));
  await Promise.race([all, showing]).finally(() => over.abort());
  await showing;
}

/** Between two looks whether a member that ended runs again. */
const AGAIN_MS = 300;

async function followOne(
  docker: Docker,
  source: Source,
  { since, signal }: Following,
  push: (line: MemberLine) => void,
): Promise<void> {
  let from = since[source.id];
  try {
    while (!signal.aborted) {
      const how = { follow: true, since: from === undefined ? undefined : justAfter(from) };
      for await (const line of linesOf(docker, source, how, signal)) {
        from = line.at;
        push(line);
      }
      await untilRunning(docker, source.id, signal);
    }
  } catch (error) {
    if (!signal.aborted && !isGone((error as Error).cause)) throw error;
  }
}

async function untilRunning(docker: Docker, id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { State } = await docker.ask('look at a member', async (api) => await api.getContainer(id).inspect());
    if (State.Running) return;
    await sleep(AGAIN_MS, undefined, { signal });
  }
}
