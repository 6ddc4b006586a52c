/** What a gateway in front of a model of text has beside it: its chat template and its tokenizer, where they are named. */

import type { ChatTemplate } from './chat-template.ts';
import type { CountTokens } from './reading.ts';

export interface TextParts {
  readonly template: ChatTemplate | undefined;
  readonly tokens: CountTokens | undefined;
}

export interface TextPartValues {
  readonly chat_template: string | undefined;
  readonly tokenizer: string | undefined;
  /** With `tokenize` among them clients do not speak to a model of text. */
  readonly transform: readonly string[];
}

/** Libraries are loaded where they are needed. @throws MusterError CHAT_TEMPLATE_INVALID, TRANSFORM_INVALID */
export async function openTextParts(values: TextPartValues): Promise<TextParts> {
  const { chat_template: path, tokenizer: directory, transform } = values;
  const counts = directory !== undefined && !transform.includes('tokenize');
  return {
    template: path === undefined ? undefined : await openTemplate(path),
    tokens: counts ? (await import('./tokens.ts')).openCounter(directory) : undefined,
  };
}

async function openTemplate(path: string): Promise<ChatTemplate> {
  const [{ ChatTemplate: Opened }, { readTemplate }] = await Promise.all([
    import('./chat-template.ts'),
    import('./templates.ts'),
  ]);
  return new Opened(readTemplate(path));
}
