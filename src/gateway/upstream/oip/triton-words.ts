/** What Triton says without a status. Pure. */
import { Failure } from '../../failure.ts';

/** An error in a Triton stream has words and no status; the words of the model's own failures are Triton's. */
export function failureOfStreamed(message: string): Failure {
  if (/unknown model|has no available versions|is not found/i.test(message)) return new Failure(404, message);
  if (/^Failed to process the request/i.test(message)) return new Failure(500, message);
  return new Failure(400, message);
}
