/**
 * Triton and MLServer both call it ModelStreamInfer, and send different messages: Triton wraps each answer
 * (`error_message`, `infer_response`), MLServer sends it bare. Reading one as the other "succeeds" with nonsense, so the
 * flavour is told from ServerMetadata or by the user, never by trying.
 */
import type { ServerMetadata } from '../../protocol/infer.ts';

export type Flavour = 'triton' | 'mlserver' | 'kserve';

/** KServe's own server has no ModelStreamInfer at all. */
export function flavourOf({ name, extensions }: ServerMetadata): Flavour {
  const known = name.toLowerCase();
  if (known.includes('mlserver')) return 'mlserver';
  if (known.includes('triton') || extensions.includes('binary_tensor_data')) return 'triton';
  return 'kserve';
}
