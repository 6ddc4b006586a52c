/** Which models clients may ask for, and which names may be labels of metrics: a client must not make series. */
import { Failure } from './failure.ts';

const MAX_LABELS = 1_000;

export class ServedModels {
  /** Empty: every model of the predictor. */
  readonly names: readonly string[];
  readonly #answered = new Set<string>();

  /** @param names `*` among them: all */
  constructor(names: readonly string[]) {
    this.names = names.includes('*') ? [] : names;
  }

  /** @throws Failure 404 */
  check(model: string): void {
    if (this.names.length > 0 && !this.names.includes(model))
      throw new Failure(404, `model "${model.slice(0, 200)}" is not served here; there is ${this.names.join(', ')}`);
  }

  /** It is a model: the predictor has answered for it. */
  answered(model: string): void {
    if (this.names.length === 0 && this.#answered.size < MAX_LABELS) this.#answered.add(model);
  }

  label(model: string): string {
    return this.names.includes(model) || this.#answered.has(model) ? model : 'other';
  }
}
