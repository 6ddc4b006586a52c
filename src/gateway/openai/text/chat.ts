/** The messages of a chat, checked: what a template may be given. Pure. */
import { refuse } from '../../failure.ts';
import { isObject, type Json } from '../../protocol/json.ts';

/** A template goes through all of them, some for each of them. */
const MAX_MESSAGES = 1_024;

/** @throws Failure 400 */
export function messagesOf({ messages }: Json): readonly Json[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refuse('"messages" must be a list with a message at least');
  if (messages.length > MAX_MESSAGES)
    throw refuse(`"messages" has ${messages.length} messages; at most ${MAX_MESSAGES} make a prompt`);
  return messages.map(messageOf);
}

function messageOf(message: unknown, at: number): Json {
  if (!isObject(message) || typeof message.role !== 'string')
    throw refuse(`messages[${at}] must be an object with a "role"`);
  const { content = null } = message;
  // An assistant's message may hold nothing but tool calls: that is for the template to say.
  if (content === null || typeof content === 'string') return { ...message, content: content ?? '' };
  if (!Array.isArray(content)) throw refuse(`messages[${at}].content must be a text, or a list of parts`);
  return { ...message, content: content.map((part) => textOfPart(part, at)).join('\n') };
}

function textOfPart(part: unknown, at: number): string {
  const { type, text } = isObject(part) ? part : ({} as Json);
  if (type === 'text' && typeof text === 'string') return text;
  throw refuse(
    `messages[${at}].content has a part of type "${String(type).slice(0, 40)}", and the model takes text only`,
  );
}

/** Values of the client's own for the template, such as `enable_thinking`. @throws Failure 400 */
export function templateValues({ chat_template_kwargs: given, add_generation_prompt: prompt }: Json): Json {
  const values = given ?? {};
  if (!isObject(values)) throw refuse('"chat_template_kwargs" must be an object');
  const odd = Object.entries(values).find(
    ([name, value]) =>
      RESERVED.has(name) || (value !== null && !['string', 'number', 'boolean'].includes(typeof value)),
  );
  if (odd) throw refuse(`"chat_template_kwargs": "${odd[0].slice(0, 60)}" cannot be given to the template`);
  if (prompt !== undefined && prompt !== null && typeof prompt !== 'boolean')
    throw refuse('"add_generation_prompt" must be true or false');
  return { ...values, add_generation_prompt: prompt ?? true };
}

/** Ours, or the template's words. */
const RESERVED = new Set([
  'messages', 'tools', 'documents', 'add_generation_prompt', 'true', 'false', 'none', 'True', 'False', 'None',
  'raise_exception', 'range', 'strftime_now', 'namespace', 'bos_token', 'eos_token', 'muster_raise',
]); // biome-ignore format: a table
