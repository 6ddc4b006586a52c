/** The text of one prompt's answers as it comes: what may go out, where it ends, why, and how many tokens it was. Pure. */
import type { Usage } from '../passing.ts';
import type { Said } from './model.ts';

/** Tokens of a text; undefined where they cannot be counted. */
export interface CountTokens {
  /** @param rendered a template has put the special tokens in already */
  prompt(text: string, rendered: boolean): number | undefined;
  completion(text: string): number | undefined;
}

export interface ReadingOptions {
  readonly prompt: string;
  /** The prompt was made by a chat template. */
  readonly rendered: boolean;
  readonly stop: readonly string[];
  readonly maxTokens: number | undefined;
  /** Each answer repeats what was before it. */
  readonly cumulative: boolean;
  readonly tokens: CountTokens | undefined;
}

export class Reading {
  readonly #options: ReadingOptions;
  /** All that the model has said; kept only where it is needed again. */
  #said = '';
  /** May be the beginning of a stop. */
  #held = '';
  #stopped = false;
  #finish: string | undefined;
  #promptTokens: number | undefined;
  #completionTokens: number | undefined;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** A stop was found: what the model says from here on is not wanted. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** @returns what may go to the client now */
  take({ text, finish, promptTokens, completionTokens }: Said): string {
    this.#finish = finish ?? this.#finish;
    this.#promptTokens = promptTokens ?? this.#promptTokens;
    if (completionTokens !== undefined) this.#completionTokens = (this.#completionTokens ?? 0) + completionTokens;
    return this.#stopped ? '' : this.#cut(this.#newOf(text));
  }

  /** The model has ended. @returns what was held back */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  get finishReason(): 'stop' | 'length' {
    const { maxTokens } = this.#options;
    if (this.#stopped) return 'stop';
    if (this.#finish !== undefined) return this.#finish === 'length' ? 'length' : 'stop';
    const { completion } = this.usage ?? {};
    return maxTokens !== undefined && completion !== undefined && completion >= maxTokens ? 'length' : 'stop';
  }

  /** As the model counts, else as its tokenizer does. */
  get usage(): Usage | undefined {
    const { prompt: text, rendered, tokens } = this.#options;
    const prompt = this.#promptTokens ?? tokens?.prompt(text, rendered);
    const completion = this.#completionTokens ?? tokens?.completion(this.#said);
    return prompt === undefined || completion === undefined ? undefined : { prompt, completion };
  }

  #newOf(text: string): string {
    const { cumulative, tokens } = this.#options;
    const fresh = cumulative && text.startsWith(this.#said) ? text.slice(this.#said.length) : text;
    if (cumulative) this.#said = text;
    else if (tokens) this.#said += fresh;
    return fresh;
  }

  #cut(text: string): string {
    const all = this.#held + text;
    const ends = this.#options.stop.map((stop) => all.indexOf(stop)).filter((at) => at >= 0);
    this.#stopped = ends.length > 0;
    const out = this.#stopped ? all.slice(0, Math.min(...ends)) : all.slice(0, all.length - this.#mayBegin(all));
    this.#held = this.#stopped ? '' : all.slice(out.length);
    return out;
  }

  /** How much of the end of `text` a stop may begin with. */
  #mayBegin(text: string): number {
    const lengths = this.#options.stop.map((stop) => {
      for (let length = Math.min(stop.length - 1, text.length); length > 0; length -= 1)
        if (text.endsWith(stop.slice(0, length))) return length;
      return 0;
    });
    return Math.max(0, ...lengths);
  }
}
