/** The thread of one way: does what it is told, one job after the other. It ends when it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { openExchange } from './exchange.ts';
import { attempt, measure } from './measure.ts';
import type { Job, Target } from './messages.ts';

const { target, concurrency } = workerData as { target: Target; concurrency: number };
const overGrpc = target.way === 'typed' || target.way === 'raw';
const exchange = openExchange(target, concurrency);

parentPort?.on('message', async (job: Job) => {
  const done = job.do === 'try' ? attempt(exchange, overGrpc) : measure(exchange, { ...job, overGrpc });
  parentPort?.postMessage(await done);
});
