/** The paths that only look: alive, ready, what is served, metrics. They are never queued, so a busy gateway is not a dead one. */

import type { GatewayContext } from '../context.ts';
import { serverMetadata } from '../look.ts';
import type { Verdict } from '../ops/readiness.ts';
import { jsonReply, type Reply } from '../protocol/reply.ts';
import type { Asked } from '../request.ts';

export type Look = (context: GatewayContext, asked: Asked, signal: AbortSignal) => Reply | Promise<Reply>;

/** What a client learns of a model by a verdict: 503 says "later", as in KServe. */
const readyReply = (body: Readonly<Record<string, unknown>>, { ready, why }: Verdict): Reply =>
  jsonReply(ready ? 200 : 503, ready ? { ...body, ready } : { ...body, ready, error: why });

export const LOOKS = {
  alive: () => jsonReply(200, { status: 'alive' }),
  metrics: async ({ metrics }) => ({ status: 200, type: metrics.contentType, parts: [await metrics.text()] }),
  live: () => jsonReply(200, { live: true }),
  ready: async ({ readiness }) => readyReply({}, await readiness.gateway()),
  server: async (context) => jsonReply(200, await serverMetadata(context)),
  models: ({ served }) => jsonReply(200, { models: served.names }),
  model: async ({ served, models }, { model, version }) => {
    served.check(model);
    const { signatures: _, ...shown } = await models.look(model, version);
    return jsonReply(200, shown);
  },
  modelReady: async ({ served, readiness }, { model, version }) => {
    served.check(model);
    if (readiness.draining) return readyReply({ name: model }, await readiness.gateway());
    return readyReply({ name: model }, await readiness.model(model, version));
  },
} as const satisfies Readonly<Record<string, Look>>;
