/** The probe port over real HTTP: what it answers, and what it does not let anybody do to it. */
import { request } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXIT, MusterError } from '../../../src/errors.ts';
import type { Phase, Waiting } from '../../../src/launch/rally/rally.ts';
import { BoardKeeper } from '../../../src/launch/watch/board-keeper.ts';
import { openResident, residentFor } from '../../../src/launch/watch/resident.ts';
import type { GroupView } from '../../../src/launch/watch/status-report.ts';
import { MAX_CONNECTIONS } from '../../../src/launch/watch/two-protocols.ts';
import { textLog } from '../../../src/log.ts';
import { ending, SELF } from '../../unit/watch/fixture.ts';
import { aResident, NOBODY, type Running, raw, until } from './fixture.ts';

const phase = ({ keeper }: Running, name: Phase) => keeper.change({ on: 'phase', phase: name });
const get = (port: number, path: string, how: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, how);

const group = (count: number): GroupView => ({
  leaseMs: 3000,
  members: Array.from({ length: count }, (_, rank) => ({
    member: rank === 0 ? 'head' : `worker-${rank}`,
    rank,
    incarnation: 'ab',
    address: '10.0.0.1',
    phase: 'serving' as const,
    phaseMs: 10,
    beatMs: rank * 100,
    connected: rank !== 2,
    devices: undefined,
  })),
});

describe('the probes', () => {
  test('follow the board', async () => {
    const line = 'waiting 5 s of 600 s: rank 2';
    let waiting: Waiting | undefined = { line, awaited: [] };
    const resident = await aResident({ waiting: () => waiting });
    const all = async () =>
      Object.fromEntries(
        await Promise.all(
          ['livez', 'startupz', 'readyz'].map(async (path) => {
            const answer = await get(resident.port, `/${path}`);
            return [path, [answer.status, await answer.text()]] as const;
          }),
        ),
      );
    resident.keeper.change({ on: 'generation', generation: 1 });
    const waits = [503, `the head is at joining; ${line}\n`];
    expect(await all()).toEqual({ livez: [200, 'ok\n'], startupz: waits, readyz: waits });
    waiting = undefined;
    phase(resident, 'ready');
    expect(await all()).toEqual({ livez: [200, 'ok\n'], startupz: [200, 'ok\n'], readyz: [200, 'ok\n'] });
    phase(resident, 'stopping');
    expect((await all()).readyz).toEqual([503, 'this member is stopping\n']);
    resident.keeper.change({ on: 'ended', ending: ending() });
    const over = 'generation 1 ended: worker-2 stopped beating 3.1 s ago\n';
    expect(await all()).toEqual({ livez: [200, 'ok\n'], startupz: [200, 'ok\n'], readyz: [503, over] });
  });

  test('HEAD has the same head and no body; a query is no matter', async () => {
    const { port } = await aResident();
    const answer = await get(port, '/readyz?verbose', { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([503, '']);
    expect(answer.headers.get('content-length')).toBe(String('the head is at joining\n'.length));
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    { path: '/nope.js', method: 'GET', status: 404 },
    { path: '/livez/', method: 'GET', status: 404 },
    { path: '/__proto__', method: 'GET', status: 404 },
    { path: '/livez', method: 'DELETE', status: 405 },
    { path: '/nope', method: 'OPTIONS', status: 405 },
    { path: '/livez', method: 'PUT', status: 405 },
  ])('$method $path → $status', async ({ path, method, status }) => {
    const { port } = await aResident();
    const answer = await get(port, path, { method });
    expect(answer.status).toBe(status);
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test('a body is refused, and the connection closed', async () => {
    const { port } = await aResident();
    const answer = await get(port, '/livez', { method: 'POST', body: 'x'.repeat(1_000_000) }).catch(() => undefined);
    // The refusal may be overtaken by the reset: either way nothing of the body was taken.
    if (answer) expect(answer.status).toBe(413);
    expect((await get(port, '/livez')).status).toBe(200);
  });
});

describe('status and metrics', () => {
  test('status is the board and the group, without secrets', async () => {
    const resident = await aResident({ group: () => group(3), secrets: ['correct horse'] });
    resident.keeper.change({ on: 'generation', generation: 1 });
    phase(resident, 'engine');
    const message = 'refused correct horse, --api-key=abc';
    resident.keeper.change({ on: 'ended', ending: ending({ message }) });
    const answer = await get(resident.port, '/status');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({
      v: 1,
      version: '1.2.3',
      member: 'head',
      phase: 'engine',
      live: { yes: true },
      ready: { yes: false, why: 'generation 1 ended: refused ***, --api-key=***' },
      lastEnding: { code: 'GROUP_LOST', message: 'refused ***, --api-key=***' },
      history: [{ generation: 1, phase: 'joining', tookMs: expect.any(Number), atMs: expect.any(Number) }],
      members: [{ member: 'head' }, { member: 'worker-1', beatMs: 100 }, { member: 'worker-2', connected: false }],
    });
  });

  test('status says who is awaited, what happened, and what went wrong, with the time of the wall clock', async () => {
    const since = 2_500;
    const worker = {
      member: 'worker-1',
      rank: 1,
      layer: 'rally',
      detail: 'was in, and is gone; token=geheimnis',
    } as const;
    const waiting = { line: 'waiting 5 s of 600 s: rank 1', awaited: [{ ...worker, since }] };
    let clock = 1_000;
    const now = () => clock;
    const keeper = new BoardKeeper({ ...SELF, role: 'head', rank: 0, member: 'head' }, now);
    const epochMs = Date.UTC(2030, 0, 1);
    const resident = await aResident({ keeper, waiting: () => waiting, now, epochMs });
    keeper.change({ on: 'generation', generation: 1 });
    clock = 2_000;
    keeper.change({ on: 'news', news: { what: 'arrived', member: 'worker-1', rank: 1, phase: 'joined' } });
    clock = 3_000;
    keeper.change({ on: 'ended', ending: ending({ message: 'worker-1 is gone', culprit: 'worker-1' }) });
    expect(await (await get(resident.port, '/status')).json()).toMatchObject({
      at: '2030-01-01T00:00:03.000Z',
      waiting: 'waiting 5 s of 600 s: rank 1',
      awaited: [{ ...worker, detail: 'was in, and is gone; token=***', since: '2030-01-01T00:00:02.500Z' }],
      timeline: [
        { at: '2030-01-01T00:00:01.000Z', generation: 1, what: 'began', member: 'head', rank: 0 },
        { at: '2030-01-01T00:00:02.000Z', what: 'arrived', member: 'worker-1', rank: 1, phase: 'joined' },
        { at: '2030-01-01T00:00:03.000Z', generation: 1, what: 'ended', member: 'head' },
      ],
      faults: [
        {
          at: '2030-01-01T00:00:03.000Z',
          generation: 1,
          code: 'GROUP_LOST',
          sentence: 'worker-1 is gone',
          culprit: 'worker-1',
        },
      ],
    });
  });

  test('the end of the TLS certificate is a metric where there is one', async () => {
    const scrape = async (how: Parameters<typeof aResident>[0]) =>
      (await get((await aResident(how)).port, '/metrics')).text();
    expect(await scrape({ tlsValidUntil: () => 1_800_000_000_000 })).toMatch(
      /^muster_tls_certificate_not_after_seconds 1800000000$/m,
    );
    expect(await scrape({})).not.toContain('muster_tls');
  });

  test('metrics have each number of the board, and phases from before the first scrape', async () => {
    const resident = await aResident({ group: () => group(3) });
    resident.keeper.change({ on: 'generation', generation: 1 });
    phase(resident, 'engine');
    phase(resident, 'ready');
    const scrape = async () => (await (await get(resident.port, '/metrics')).text()).split('\n');
    expect(await scrape()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^muster_build_info\{version="1\.2\.3",node="[\d.]+"\} 1$/),
        'muster_member_info{member="head",role="head",engine="native",runtime="vllm"} 1',
        'muster_live 1',
        'muster_ready 1',
        'muster_phase{phase="ready"} 1',
        'muster_phase{phase="engine"} 0',
        'muster_generation 1',
        'muster_world_size 3',
        'muster_restarts_limit 3',
        'muster_members{state="serving"} 2',
        'muster_members{state="gone"} 1',
        'muster_members{state="absent"} 0',
        'muster_beat_age_seconds{member="worker-1"} 0.1',
        'muster_lease_margin_seconds 2.8',
        'muster_lease_seconds 3',
        'muster_phase_seconds_count{phase="joining"} 1',
        'muster_phase_seconds_count{phase="engine"} 1',
      ]),
    );
    resident.keeper.change({ on: 'ended', ending: ending() });
    resident.keeper.change({ on: 'generation', generation: 2 });
    phase(resident, 'serving');
    expect(await scrape()).toEqual(
      expect.arrayContaining([
        'muster_ready 0',
        'muster_generation 2',
        'muster_restarts_total{reason="GROUP_LOST"} 1',
        'muster_phase_seconds_count{phase="ready"} 1',
        'muster_phase_seconds_count{phase="joining"} 2',
      ]),
    );
  });

  test('a worker tells nothing of the group; a large group has no series a member', async () => {
    const worker = await aResident();
    expect(await (await get(worker.port, '/metrics')).text()).not.toMatch(/^muster_(members|beat|lease)[^\n]* \d/m);
    const large = await aResident({ group: () => group(5000) });
    const text = await (await get(large.port, '/metrics')).text();
    expect(text).toContain('muster_members{state="serving"} 4999');
    expect(text).toMatch(/^muster_lease_margin_seconds -496.9$/m);
    expect(text).not.toContain('worker-1');
    expect(text.length).toBeLessThan(10_000);
  });
});

describe('whoever means no good', () => {
  test('says nothing: closed after 3 s, nobody else is held up', async () => {
    const { port } = await aResident();
    const silent = await raw(port);
    const slow = await raw(port);
    slow.write('PR'); // may still become HTTP/2
    expect((await get(port, '/livez')).status).toBe(200);
    await Promise.all([until(silent, 'close'), until(slow, 'close')]);
  });

  test('sends its header a byte at a time: cut off after 10 s', async () => {
    const { port } = await aResident();
    const socket = await raw(port);
    socket.write('GET /livez HTTP/1.1\r\n');
    const drip = setInterval(() => socket.write('x'), 500);
    onTestFinished(() => clearInterval(drip));
    await until(socket, 'close');
  });

  test.each([
    { what: 'a header of 20 KB', bytes: `GET /livez HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(20_000)}\r\n\r\n` },
    { what: 'no HTTP at all', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' },
    {
      what: 'both lengths',
      bytes: 'POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    },
    { what: 'an HTTP/2 preface and garbage', bytes: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(64)}` },
  ])('sends $what: closed without an answer', async ({ bytes }) => {
    const { port } = await aResident();
    const socket = await raw(port);
    socket.write(Buffer.from(bytes, 'latin1'));
    expect(await until(socket, 'close')).not.toContain('200 OK');
    expect((await get(port, '/livez')).status).toBe(200);
  });

  test('opens 300 connections: the oldest go, a probe is answered all the same', async () => {
    const { port } = await aResident();
    let open = 0;
    const sockets = await Promise.all(Array.from({ length: 300 }, () => raw(port)));
    for (const socket of sockets) {
      open += 1;
      socket.once('close', () => {
        open -= 1;
      });
    }
    expect((await get(port, '/livez')).status).toBe(200);
    await Promise.all(sockets.slice(0, 300 - MAX_CONNECTIONS).map((each) => each.closed || until(each, 'close')));
    expect(open).toBeLessThanOrEqual(MAX_CONNECTIONS);
  });

  test('the request comes in pieces: it is answered', async () => {
    const { port } = await aResident();
    const socket = await raw(port);
    socket.setNoDelay(true);
    for (const piece of ['G', 'E', 'T', ' /livez HTTP/1.1\r\nHost: h\r\nConnection: close', '\r\n\r\n']) {
      await new Promise((sent) => socket.write(piece, sent));
      await new Promise((turn) => setImmediate(turn));
    }
    expect(await until(socket, 'close')).toMatch(/^HTTP\/1\.1 200 OK[\s\S]+ok\n$/);
  });

  test('one connection asks twice: keep-alive holds', async () => {
    const { port } = await aResident();
    const socket = await raw(port);
    socket.write('GET /livez HTTP/1.1\r\nHost: h\r\n\r\nGET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    expect(await until(socket, 'close')).toMatch(/200 OK[\s\S]+503 Service Unavailable/);
  });
});

describe('the port', () => {
  async function taken(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    onTestFinished(() => void server.close());
    return (server.address() as { port: number }).port;
  }

  test('is taken: PORT_TAKEN, by whom, and what to set', async () => {
    const port = await taken();
    const error = await aResident({ port }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(MusterError);
    expect(error).toMatchObject({
      code: 'PORT_TAKEN',
      exitStatus: EXIT.config,
      hint: expect.stringContaining('--probe-port'),
    });
    expect((error as Error).message).toContain(`process ${process.pid}:`);
  });

  test.each([
    { when: 'default, loopback', origin: 'default', onLoopback: true, inKubernetes: false, want: 'INFO' },
    { when: 'default, a network', origin: 'default', onLoopback: false, inKubernetes: false, want: 'WARN' },
    { when: 'default, Kubernetes', origin: 'default', onLoopback: false, inKubernetes: true, want: 'PORT_TAKEN' },
    { when: 'asked for', origin: 'flag --probe-port', onLoopback: true, inKubernetes: false, want: 'PORT_TAKEN' },
  ])('is taken ($when): $want', async ({ origin, onLoopback, inKubernetes, want }) => {
    const value = await taken();
    const { keeper } = await aResident();
    const lines: string[] = [];
    const now = () => 0;
    const log = textLog({ level: 'info', now, write: (line) => lines.push(line) });
    const input = { ...NOBODY, keeper, secrets: [], now, log, onLoopback, inKubernetes };
    const opened = residentFor({ ...input, probePort: { value, origin } });
    if (want === 'PORT_TAKEN') return expect(opened).rejects.toMatchObject({ code: want });
    expect(await opened).toBeUndefined();
    expect(lines.join('')).toContain(`no probes here: the probe port ${value} is taken`);
    expect(lines.join('').includes('WARN')).toBe(want === 'WARN');
    expect(await residentFor({ ...input, probePort: { value: 0, origin } })).toBeUndefined();
  });

  test('is free again once closed, whoever is connected', async () => {
    const resident = await aResident();
    const idle = await raw(resident.port);
    const kept = request({ port: resident.port, path: '/livez', headers: { connection: 'keep-alive' } }).end();
    await new Promise((resolve) => kept.once('response', (incoming) => resolve(incoming.resume())));
    const closed = until(idle, 'close');
    await resident.close();
    await closed;
    const again = await openResident({
      host: '127.0.0.1',
      port: resident.port,
      keeper: resident.keeper,
      ...NOBODY,
      secrets: [],
      now: () => 0,
    });
    await again.close();
  });
});
