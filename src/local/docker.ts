/** Docker, behind dockerode: the one file that loads it. What Docker refuses becomes a refusal of ours. */
import { setTimeout as sleep } from 'node:timers/promises';
import Dockerode from 'dockerode';
import { MusterError, reasonOf } from '../errors.ts';
import type { Env } from '../launch/args/settings.ts';
import { findProgram } from '../process/find-program.ts';
import { refusalOf } from './refusals.ts';
import { type Where, whereDocker } from './where-docker.ts';

export interface Docker {
  readonly api: Dockerode;
  /**
   * @param what  in words that can follow "cannot": `start demo-0`
   * @throws MusterError  with the code that fits what Docker said
   */
  ask<T>(what: string, call: (api: Dockerode) => Promise<T>): Promise<T>;
}

/** Milliseconds for the first answer. */
const HELLO_MS = 10_000;

/** @throws MusterError DOCKER_ABSENT, DOCKER_DOWN (69), DOCKER_DENIED (77), CONFIG_INVALID (78) */
export async function connect(env: Env): Promise<Docker> {
  const where = whereDocker(env);
  if ('refusal' in where) throw new MusterError(where.refusal);
  const api = new Dockerode(addressOf(where));
  const installed = findProgram('docker', env.PATH ?? '').ok;
  const ask: Docker['ask'] = async (what, call) => {
    try {
      return await call(api);
    } catch (cause) {
      if (cause instanceof MusterError) throw cause;
      const { statusCode, code } = cause as { statusCode?: number; code?: string };
      const refusal = refusalOf({ statusCode, code, message: reasonOf(cause) }, { at: where.text, installed, what });
      throw new MusterError(refusal, { cause });
    }
  };
  const late = new AbortController();
  const silence = sleep(HELLO_MS, undefined, { signal: late.signal }).then(
    () => Promise.reject(new Error(`no answer within ${HELLO_MS} ms`)),
    () => undefined,
  );
  await ask('say hello', () => Promise.race([api.ping(), silence])).finally(() => late.abort());
  return { api, ask };
}

const addressOf = (where: Where): Dockerode.DockerOptions =>
  'socket' in where ? { socketPath: where.socket } : { protocol: 'http', host: where.host, port: where.port };

/** True when Docker says that there is no such thing: it may have been removed meanwhile. */
export const isGone = (error: unknown): boolean => (error as { statusCode?: number }).statusCode === 404;
