/** What is asked of the predictor for those who only look, over HTTP or gRPC. */
import type { Call, Predictor, ServerMetadata } from './protocol/infer.ts';

/** Milliseconds for a look at the predictor. */
const LOOK_MS = 5_000;

export const lookCall = (signal: AbortSignal): Call => ({
  deadlineAt: performance.now() + LOOK_MS,
  signal,
  headers: {},
});

/** What a gateway is besides, whatever stands behind it. */
const OURS: readonly string[] = ['binary_tensor_data', 'generate'];
/** Triton's extensions that are parameters of a request, which pass; the others are paths and methods of its own. */
const PASSED: readonly string[] = ['classification', 'sequence', 'schedule_policy', 'parameters'];

/** Ours, with the extensions of the predictor that reach it through here. @throws Failure */
export async function serverMetadata(
  { version, predictor }: { readonly version: string; readonly predictor: Pick<Predictor, 'metadata'> },
  signal: AbortSignal,
): Promise<ServerMetadata> {
  const { extensions } = await predictor.metadata(lookCall(signal));
  return { name: 'muster', version, extensions: [...OURS, ...extensions.filter((each) => PASSED.includes(each))] };
}
