/** Waits for something, but not for ever. */

/** Resolves with `promise`, or undefined after `limitMs` milliseconds; the timer keeps no process alive after that. */
export async function before<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(late.resolve, limitMs, undefined);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
