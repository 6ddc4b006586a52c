/** `muster local` where Docker is not, or fails half-way: a Docker that is made here, and counts what it was told to make. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { freePorts } from '../../../scripts/group.ts';
import { test } from '../support/stage.ts';

let directory = '';
let closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'm-'));
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  rmSync(directory, { recursive: true, force: true });
});

const UP = ['local', 'up', '--image=i:1', '--port=1', 'demo'];

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}
type Routes = Readonly<Record<string, (request: IncomingMessage, text: string) => Answer>>;

/** A Docker that answers as `routes` say, by `METHOD /path` with ids as `*`; and what is left of what it made. */
async function aDocker(routes: Routes): Promise<{ readonly host: string; readonly left: ReadonlySet<string> }> {
  const left = new Set<string>();
  const labels = new Map<string, unknown>();
  let made = 0;
  const make =
    (kind: string) =>
    (_request: IncomingMessage, text: string): Answer => {
      const told = JSON.parse(text) as { Name?: string; Labels?: unknown };
      const id = kind === 'volume' ? (told.Name ?? '') : `${kind}-${++made}`;
      left.add(id);
      labels.set(id, told.Labels);
      return { status: 201, body: { Id: id, Name: id } };
    };
  const remove = (request: IncomingMessage): Answer => {
    left.delete(lastOf(request));
    return { status: 204 };
  };
  const lastOf = ({ url = '' }: IncomingMessage): string => url.split('?')[0]?.split('/').at(-1) ?? '';
  const of = (kind: RegExp) => [...left].filter((id) => kind.test(id));
  const label = { 'muster.group': 'demo' };
  const all: Routes = {
    'GET /_ping': () => ({ status: 200, body: 'OK' }),
    'GET /info': () => ({ status: 200, body: { MemTotal: 64 * 2 ** 30, DockerRootDir: '/nowhere/at/all' } }),
    'GET /images/*/json': () => ({ status: 200, body: { Config: { Env: [], User: '' } } }),
    'GET /containers/json': () => ({
      status: 200,
      body: of(/^container/).map((Id) => ({ Id, Names: [`/${Id}`], Labels: label })),
    }),
    'GET /networks': () => ({ status: 200, body: of(/^network/).map((Id) => ({ Id, Name: Id, Labels: label })) }),
    'GET /volumes': () => ({ status: 200, body: { Volumes: of(/^muster-/).map((Name) => ({ Name, Labels: label })) } }),
    'POST /networks/create': make('network'),
    'GET /networks/*': () => ({ status: 200, body: { IPAM: { Config: [{ Subnet: '172.30.0.0/16' }] } } }),
    'GET /volumes/*': (request) => ({ status: 200, body: { Labels: labels.get(lastOf(request)) } }),
    'POST /volumes/create': make('volume'),
    'POST /containers/create': make('container'),
    'GET /containers/*/json': () => ({
      status: 200,
      body: { State: { Running: false, Paused: false }, Config: { Labels: {} } },
    }),
    'DELETE /containers/*': remove,
    'DELETE /networks/*': remove,
    'DELETE /volumes/*': remove,
    ...routes,
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').split('?')[0] ?? '';
    const known = Object.entries(all).find(([route]) => {
      const [method, pattern = ''] = route.split(' ');
      return method === request.method && new RegExp(`^${pattern.replaceAll('*', '[^/]+')}$`).test(path);
    });
    const { status, body } = known?.[1](request, Buffer.concat(chunks).toString('utf8')) ?? {
      status: 404,
      body: { message: `no ${path}` },
    };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  };
  const socket = await listen(createServer((request, response) => void answer(request, response)));
  return { host: `unix://${socket}`, left };
}

async function listen(server: Pick<Server, 'listen' | 'close'>): Promise<string> {
  const socket = join(directory, 'docker.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  closing.push(() => new Promise((resolve) => void server.close(() => resolve())));
  return socket;
}

describe('no Docker that answers: 69, one line, one hint', () => {
  test('nothing there, and no docker program (fault 40)', async ({ stage }) => {
    const env = { DOCKER_HOST: `unix://${directory}/none.sock`, PATH: directory };
    const { status, stderr, stdout } = await stage.run(UP, { env });
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toMatch(
      /^muster: DOCKER_ABSENT there is no Docker: nothing at unix:.*none\.sock, and no docker program\n→ .+$/,
    );
  });

  test('it speaks no HTTP (fault 40)', async ({ stage }) => {
    const socket = await listen(
      createTcpServer(
        (connection) =>
          void connection
            .on('error', () => {})
            .resume()
            .end('hello\n'),
      ) as unknown as Server,
    );
    const { status, stderr } = await stage.run(UP, { env: { DOCKER_HOST: `unix://${socket}` } });
    expect(status).toBe(69);
    expect(stderr).toMatch(/^muster: DOCKER_DOWN Docker at unix:.* does not answer .*\n→ .+$/);
  });

  test.for([['status'], ['down'], ['logs'], ['kill', '1'], ['curl', '/'], ['exec', '1', '--', 'ls']])(
    'the same for %s',
    async (argv, { stage }) => {
      const env = { DOCKER_HOST: `unix://${directory}/none.sock`, PATH: directory };
      expect(await stage.run(['local', ...argv], { env })).toMatchObject({ status: 69 });
    },
  );
});

describe('a Docker that fails half-way: its code, and nothing is left', () => {
  test.for<{ when: string; routes: Routes; status: number; code: string }>([
    {
      when: 'the disk is full',
      routes: {
        'PUT /containers/*/archive': () => ({
          status: 500,
          body: { message: 'write /opt/muster/muster: no space left on device' },
        }),
      },
      status: 74,
      code: 'DISK_FULL',
    },
    {
      when: 'the name was taken meanwhile',
      routes: {
        'POST /volumes/create': () => ({ status: 409, body: { message: 'a volume muster-demo already exists' } }),
      },
      status: 78,
      code: 'NAME_TAKEN',
    },
    {
      when: 'it does not know itself why',
      routes: { 'POST /containers/create': () => ({ status: 500, body: { message: 'something odd' } }) },
      status: 71,
      code: 'DOCKER_FAILED',
    },
  ])('$when', async ({ routes, status, code }, { stage }) => {
    const { host, left } = await aDocker(routes);
    const [port] = await freePorts(1);
    const argv = ['local', 'up', '--image=i:1', `--port=${port}`, 'demo', '--', '--tensor-parallel-size=2'];
    const env = { DOCKER_HOST: host, XDG_CACHE_HOME: join(directory, 'cache') };
    const ended = await stage.start(argv, { env }).ended(60_000);
    expect(ended.status, ended.stderr).toBe(status);
    expect(ended.stderr).toMatch(new RegExp(`muster: ${code} .+\n→ .+$`));
    expect([...left]).toEqual([]);
  });
});
