/** Waiting for work that several may wait for, and that goes on when one of them does not. */
import { Failure } from './failure.ts';
import type { Call } from './protocol/infer.ts';

/**
 * The outcome of `work`, unless the client is gone or `lateMs` have passed before.
 *
 * @throws Failure 499, or what `late` makes
 */
export async function bounded<T>(
  work: Promise<T>,
  { signal }: Pick<Call, 'signal'>,
  deadline?: { readonly lateMs: number; readonly late: () => Failure },
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const gone = () => reject(new Failure(499, 'the client is gone'));
  const timer = deadline && setTimeout(() => reject(deadline.late()), deadline.lateMs);
  if (signal.aborted) gone();
  signal.addEventListener('abort', gone, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', gone);
  }
}
