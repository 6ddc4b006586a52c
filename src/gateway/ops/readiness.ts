/** Is the gateway ready? As its predictor and models are, asked at most once a second; never while it drains. */
import { Failure } from '../failure.ts';
import type { Call, Predictor } from '../protocol/infer.ts';

/** Milliseconds that an answer stays good, and for one question. */
const FRESH_MS = 1_000;
const ASK_MS = 3_000;

export interface Verdict {
  readonly ready: boolean;
  /** Why not. */
  readonly why: string;
}

interface Asked {
  readonly at: number;
  readonly answer: Promise<Verdict>;
}

export class Readiness {
  readonly #predictor: Predictor;
  readonly #models: readonly string[];
  readonly #now: () => number;
  readonly #asked = new Map<string, Asked>();
  #draining = false;
  #notYet: string | undefined;

  /** @param models those that must be ready; empty: the server's own word is enough */
  constructor(predictor: Predictor, models: readonly string[], now: () => number) {
    this.#predictor = predictor;
    this.#models = models;
    this.#now = now;
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

  model(model: string, version: string): Promise<Verdict> {
    return this.#fresh(`model ${model} ${version}`, (call) => this.#predictor.modelReady(model, version, call));
  }

  #server(): Promise<Verdict> {
    return this.#fresh('server', (call) => this.#predictor.ready(call));
  }

  /** All who ask within a second share one question. */
  #fresh(key: string, ask: (call: Call) => Promise<boolean>): Promise<Verdict> {
    const known = this.#asked.get(key);
    if (known && this.#now() - known.at < FRESH_MS) return known.answer;
    const call = { deadlineAt: this.#now() + ASK_MS, signal: new AbortController().signal, headers: {} };
    const answer = ask(call).then(
      (ready) => ({ ready, why: ready ? '' : `${this.#predictor.name} says that ${key.trim()} is not ready` }),
      (error: unknown) => {
        if (error instanceof Failure) return { ready: false, why: error.message };
        throw error;
      },
    );
    // Names come from clients: the oldest go.
    if (this.#asked.size >= 1_000) this.#asked.delete(this.#asked.keys().next().value ?? '');
    this.#asked.delete(key);
    this.#asked.set(key, { at: this.#now(), answer });
    return answer;
  }
}
