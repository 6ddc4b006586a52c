/** What every handler stands on: made once by `gateway.ts`. */
import type { Log } from '../log.ts';
import type { TextParts } from './openai/text/open.ts';
import type { Admits } from './ops/admission.ts';
import type { AuditLog } from './ops/audit.ts';
import type { GatewayMetrics } from './ops/metrics.ts';
import type { Readiness } from './ops/readiness.ts';
import type { Tracing } from './ops/tracing.ts';
import type { Predictor } from './protocol/infer.ts';
import type { Queue } from './queue/queue.ts';
import type { ServedModels } from './served.ts';
import type { GatewaySettings } from './settings.ts';
import type { Explain } from './transform/open.ts';
import type { KnownModels } from './upstream/known-models.ts';
import type { RetryBudget } from './upstream/retry-budget.ts';

export interface GatewayContext {
  readonly settings: GatewaySettings;
  readonly predictor: Predictor;
  /** For `:explain`; undefined: nobody does. */
  readonly explain: Explain | undefined;
  readonly models: KnownModels;
  readonly served: ServedModels;
  readonly admission: Admits;
  readonly readiness: Readiness;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing | undefined;
  readonly audit: AuditLog | undefined;
  /** Chat template and tokenizer, for OpenAI's API. */
  readonly text: TextParts;
  /** Of requests that need no answer now; undefined: none was asked for. */
  readonly queue?: Queue | undefined;
  /** How many streams may be asked for again. */
  readonly resumes: RetryBudget;
  readonly version: string;
  readonly log: Log;
}
