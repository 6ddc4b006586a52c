/** Is the gateway ready? As its predictor and models are, asked at most once a second; never while it drains. */
import { Failure } from '../failure.ts';
import type { Call, Predictor } from '../protocol/infer.ts';
import { SharedLooks } from './shared-looks.ts';

/** Milliseconds for one question. */
const ASK_MS = 3_000;

export interface Verdict {
  readonly ready: boolean;
  /** Why not. */
  readonly why: string;
}

export class Readiness {
  readonly #predictor: Predictor;
  readonly #models: readonly string[];
  readonly #looks: SharedLooks<Verdict>;
  #draining = false;
  #notYet: string | undefined;

  /** @param models those that must be ready; empty: the server's own word is enough */
  constructor(predictor: Predictor, models: readonly string[], now: () => number) {
    this.#predictor = predictor;
    this.#models = models;
    this.#looks = new SharedLooks({ withinMs: ASK_MS, now });
  }

  /** From now on the answer is no. */
  drain(): void {
    this.#draining = true;
  }

  /** Not ready before somebody says so: why; undefined: as the predictor is. */
  hold(why: string | undefined): void {
    this.#notYet = why;
  }

  get draining(): boolean {
    return this.#draining;
  }

  async gateway(): Promise<Verdict> {
    if (this.#draining) return { ready: false, why: 'the gateway is shutting down' };
    if (this.#notYet !== undefined) return { ready: false, why: this.#notYet };
    const verdicts = await Promise.all(
      this.#models.length > 0 ? this.#models.map((each) => this.model(each, '')) : [this.#server()],
    );
    return verdicts.find(({ ready }) => !ready) ?? { ready: true, why: '' };
  }

  /** @throws Failure 429 when many models are asked for that nobody has configured */
  model(model: string, version: string): Promise<Verdict> {
    const ask = (call: Call) => this.#predictor.modelReady(model, version, call);
    return this.#fresh(`model ${model} ${version}`, ask, { always: version === '' && this.#models.includes(model) });
  }

  #server(): Promise<Verdict> {
    return this.#fresh('server', (call) => this.#predictor.ready(call), { always: true });
  }

  #fresh(key: string, ask: (call: Call) => Promise<boolean>, how = {}): Promise<Verdict> {
    const look = (call: Call) =>
      ask(call).then(
        (ready) => ({ ready, why: ready ? '' : `${this.#predictor.name} says that ${key.trim()} is not ready` }),
        (error: unknown) => {
          if (error instanceof Failure) return { ready: false, why: error.message };
          throw error;
        },
      );
    return this.#looks.take(key, look, how);
  }
}
