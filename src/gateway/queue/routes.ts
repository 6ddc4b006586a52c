/** The paths of jobs. They are there only where there is a queue. */
import { refuse } from '../failure.ts';
import type { Routes } from '../http/handlers.ts';
import type { Queue } from './queue.ts';

export function addJobs(routes: Routes, queue: Queue | undefined): void {
  if (!queue) return;
  routes.own('GET', '/v2/jobs/:id', (exchange, { id, query }) => queue.status(exchange, id, waitOf(query)));
  routes.own('GET', '/v2/jobs/:id/result', (exchange, { id, query }) => queue.result(exchange, id, waitOf(query)));
  routes.own('DELETE', '/v2/jobs/:id', (exchange, { id }) => queue.cancel(exchange, id));
}

/** `?wait=SECONDS`. @throws Failure 400 */
function waitOf({ wait = '0' }: Readonly<Record<string, unknown>>): number {
  if (typeof wait !== 'string' || !/^\d{1,6}(\.\d{1,3})?$/.test(wait))
    throw refuse('"wait" must be a number of seconds');
  return Number(wait);
}
