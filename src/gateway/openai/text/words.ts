/** The objects of OpenAI's API: an answer in one piece, and the chunks of a stream. Pure. */
import type { Usage } from '../passing.ts';
import type { Form } from './fields.ts';

export interface Answered {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly finishReason: 'stop' | 'length' | null;
}

const PREFIX = { completions: 'cmpl-', 'chat/completions': 'chatcmpl-' } as const;

export const answerId = (form: Form, unique: string): string => PREFIX[form] + unique;

export function wholeAnswer(form: Form, head: Answered, choices: readonly Choice[], usage: Usage | undefined): object {
  const chat = form === 'chat/completions';
  const { id, created, model } = head;
  return {
    id,
    object: chat ? 'chat.completion' : 'text_completion',
    created,
    model,
    choices: choices.map(({ index, text, finishReason: finish_reason }) => {
      const said = chat ? { message: { role: 'assistant', content: text } } : { text };
      return { index, ...said, logprobs: null, finish_reason };
    }),
    ...(usage ? { usage: usageObject(usage) } : {}),
  };
}

/** The events of one stream. */
export class ChunkWords {
  readonly #chat: boolean;
  readonly #head: object;

  constructor(form: Form, { id, created, model }: Answered) {
    this.#chat = form === 'chat/completions';
    this.#head = { id, object: this.#chat ? 'chat.completion.chunk' : 'text_completion', created, model };
  }

  /** Who speaks, before anything is said; a completion has no such thing. */
  begin(index: number): readonly string[] {
    return this.#chat ? [this.#choice(index, { role: 'assistant', content: '' }, null)] : [];
  }

  text(index: number, text: string): string {
    return this.#choice(index, this.#chat ? { content: text } : text, null);
  }

  end(index: number, finishReason: 'stop' | 'length'): string {
    return this.#choice(index, this.#chat ? {} : '', finishReason);
  }

  usage(usage: Usage): string {
    return eventOf({ ...this.#head, choices: [], usage: usageObject(usage) });
  }

  #choice(index: number, said: object | string, finish_reason: string | null): string {
    const what = typeof said === 'string' ? { text: said } : { delta: said };
    return eventOf({ ...this.#head, choices: [{ index, ...what, logprobs: null, finish_reason }] });
  }
}

export const DONE_EVENT = 'data: [DONE]\n\n';

const eventOf = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

const usageObject = ({ prompt, completion }: Usage) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
