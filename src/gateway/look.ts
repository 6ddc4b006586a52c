/** What is told to those who only look, over HTTP or gRPC. */
import type { ServerMetadata } from './protocol/infer.ts';
import type { KnownModels } from './upstream/known-models.ts';

/** What a gateway is besides, whatever stands behind it. */
const OURS: readonly string[] = ['binary_tensor_data', 'generate'];
/** Triton's extensions that are parameters of a request, which pass; the others are paths and methods of its own. */
const PASSED: readonly string[] = ['classification', 'sequence', 'schedule_policy', 'parameters'];

/** Ours, with the extensions of the predictor that reach it through here. @throws Failure */
export async function serverMetadata({
  version,
  models,
}: {
  readonly version: string;
  readonly models: Pick<KnownModels, 'server'>;
}): Promise<ServerMetadata> {
  const { extensions } = await models.server();
  return { name: 'muster', version, extensions: [...OURS, ...extensions.filter((each) => PASSED.includes(each))] };
}
