/** The queue that the settings ask for; undefined when they ask for none. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { GatewayContext } from '../context.ts';
import { callbackHosts } from './callback-hosts.ts';
import { Queue } from './queue.ts';
import type { Worker } from './worker.ts';

/** Connects in the background: a gateway serves, and is ready, while its Redis is away. */
export async function openQueue(context: GatewayContext): Promise<Queue | undefined> {
  const { settings, log } = context;
  if (settings.queue_redis === undefined) return undefined;
  const [{ JobStore }, { Worker }] = await Promise.all([import('./store.ts'), import('./worker.ts')]);
  const maxAttempts = settings.queue_attempts;
  const leaseMs = settings.queue_lease_seconds * 1000;
  const store = new JobStore({
    url: settings.queue_redis,
    name: settings.queue_name,
    consumer: `${hostname()}-${randomBytes(6).toString('hex')}`,
    maxJobs: settings.queue_max_jobs,
    ttlMs: settings.queue_ttl_seconds * 1000,
    leaseMs,
    maxAttempts,
    log,
  });
  const hosts = callbackHosts(settings.queue_callback_hosts);
  const secret = settings.queue_callback_secret;
  const worker: Worker = new Worker({
    ...{ context, store, maxAttempts, leaseMs },
    concurrency: settings.queue_concurrency,
    maxBytes: settings.queue_max_bytes,
    callbacks: secret === undefined ? undefined : { hosts, secret },
  });
  return new Queue({ context, store, worker, hosts });
}
