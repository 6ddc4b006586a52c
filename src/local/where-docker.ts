/** Where Docker listens, as its own program finds it: DOCKER_HOST, the chosen context, the usual sockets. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Refusal } from '../errors.ts';
import type { Env } from '../launch/args/settings.ts';

export type Where =
  | { readonly socket: string; readonly text: string }
  | { readonly host: string; readonly port: number; readonly text: string };

export function whereDocker(env: Env): Where | { readonly refusal: Refusal } {
  const said = env.DOCKER_HOST || hostOfContext(env);
  if (said) return parseHost(said);
  const sockets = usualSockets(env);
  const socket = sockets.find((each) => existsSync(each)) ?? '/var/run/docker.sock';
  return { socket, text: `unix://${socket}` };
}

/** Docker's own, a rootless one's, and those of Docker Desktop and Colima. */
const usualSockets = ({ XDG_RUNTIME_DIR, HOME }: Env): string[] => [
  '/var/run/docker.sock',
  ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'docker.sock')] : []),
  ...(HOME ? ['.docker/run/docker.sock', '.docker/desktop/docker.sock', '.colima/default/docker.sock'] : []).map(
    (path) => join(HOME ?? '', path),
  ),
];

/**
 * Only a Docker of this machine will do: the ports of a group are published on 127.0.0.1, and a model is mounted from
 * here. Pure.
 */
export function parseHost(text: string): Where | { readonly refusal: Refusal } {
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(text)?.[1];
  if (socket) return { socket, text };
  const [, host = '', port = ''] = /^(?:tcp|http):\/\/\[?([^/\]]+?)\]?:(\d{1,5})\/?$/.exec(text) ?? [];
  if (/^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host)) return { host, port: Number(port), text };
  return {
    refusal: {
      code: 'CONFIG_INVALID',
      message: `DOCKER_HOST is ${text}, not a Docker of this machine`,
      hint: 'Run `muster local` on that machine, or lead its socket here: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST.',
    },
  };
}

/** What `docker context use` chose; undefined: the default one, or none that can be read. */
function hostOfContext(env: Env): string | undefined {
  if (!env.HOME) return undefined;
  const directory = env.DOCKER_CONFIG || join(env.HOME, '.docker');
  const config = readJson(join(directory, 'config.json')) as { currentContext?: unknown } | undefined;
  const name = env.DOCKER_CONTEXT || config?.currentContext;
  if (typeof name !== 'string' || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = readJson(join(directory, 'contexts/meta', id, 'meta.json')) as
    | { Endpoints?: { docker?: { Host?: unknown } } }
    | undefined;
  const host = meta?.Endpoints?.docker?.Host;
  return typeof host === 'string' ? host : undefined;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
