/** What is asked of the predictor for those who only look, over HTTP or gRPC. */
import type { GatewayContext } from './context.ts';
import type { Call, ServerMetadata } from './protocol/infer.ts';

/** Milliseconds for a look at the predictor. */
const LOOK_MS = 5_000;

export const lookCall = (signal: AbortSignal): Call => ({
  deadlineAt: performance.now() + LOOK_MS,
  signal,
  headers: {},
});

/** Ours, with the extensions that the predictor has. @throws Failure */
export async function serverMetadata(
  { version, predictor }: Pick<GatewayContext, 'version' | 'predictor'>,
  signal: AbortSignal,
): Promise<ServerMetadata> {
  const { extensions } = await predictor.metadata(lookCall(signal));
  const ours = ['binary_tensor_data', 'generate'];
  return { name: 'muster', version, extensions: [...new Set([...ours, ...extensions])] };
}
