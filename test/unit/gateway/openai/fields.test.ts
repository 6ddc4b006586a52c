/** What of an OpenAI request a model of text can do, and what is refused by its name instead of being ignored. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/gateway/failure.ts';
import { messagesOf, templateValues } from '../../../../src/gateway/openai/text/chat.ts';
import { promptsOf, readFields } from '../../../../src/gateway/openai/text/fields.ts';

const read = (json: object) => readFields({ model: 'm', ...json }, 'completions', ['p']);
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).status).toBe(400);
    return (error as Failure).message;
  }
  throw new Error('it was taken');
};

describe('readFields', () => {
  test('is all defaults when nothing is said', () => {
    expect(read({})).toEqual({
      prompts: ['p'],
      stream: false,
      includeUsage: false,
      echo: false,
      stop: [],
      maxTokens: undefined,
      sampling: {},
    });
  });

  test.each([
    { json: { temperature: 0.5, top_p: 1, seed: 7 }, sampling: { temperature: 0.5, top_p: 1, seed: 7 } },
    { json: { max_tokens: 5 }, sampling: { max_tokens: 5 } },
    { json: { max_completion_tokens: 6, max_tokens: 5 }, sampling: { max_tokens: 6 } },
    { json: { top_k: 4, min_p: 0.1, ignore_eos: true }, sampling: { top_k: 4, min_p: 0.1, ignore_eos: true } },
    { json: { temperature: null, tools: null, whatever: null }, sampling: {} },
    { json: { user: 'me', metadata: { a: 'b' }, service_tier: 'auto', store: false }, sampling: {} },
    { json: { n: 1, tools: [], response_format: { type: 'text' }, logit_bias: {}, logprobs: false }, sampling: {} },
  ])('takes $json', ({ json, sampling }) => {
    expect(read(json).sampling).toEqual(sampling);
  });

  test.each([
    { stop: 'x', want: ['x'] },
    { stop: ['x', 'yz'], want: ['x', 'yz'] },
    { stop: null, want: [] },
    { stop: [], want: [] },
  ])('reads stop $stop', ({ stop, want }) => {
    expect(read({ stop }).stop).toEqual(want);
  });

  test.each<{ json: object; says: string }>([
    { json: { n: 2 }, says: '"n": 2 is not offered for a model of text: only 1 is' },
    { json: { best_of: 3 }, says: '"best_of": 3' },
    { json: { logprobs: 0 }, says: '"logprobs": 0' },
    { json: { logprobs: true }, says: '"logprobs": true' },
    { json: { suffix: 'end' }, says: '"suffix"' },
    { json: { logit_bias: { 5: 1 } }, says: '"logit_bias"' },
    { json: { tools: [{ type: 'function' }] }, says: '"tools"' },
    { json: { tool_choice: 'required' }, says: '"tool_choice"' },
    { json: { response_format: { type: 'json_object' } }, says: '"response_format"' },
    { json: { modalities: ['text', 'audio'] }, says: '"modalities"' },
    { json: { guided_regex: 'a+' }, says: '"guided_regex": "a+" is not offered for a model of text: leave it out' },
    { json: { structured: { deep: 1 } }, says: '"structured" is not known here' },
    { json: { temperature: '1' }, says: '"temperature" must be a number from 0 to 2' },
    { json: { temperature: 3 }, says: '"temperature" must be' },
    { json: { max_tokens: 1.5 }, says: '"max_tokens" must be a whole number' },
    { json: { max_tokens: -1 }, says: '"max_tokens"' },
    { json: { stop: [''] }, says: '"stop" must be' },
    { json: { stop: [1] }, says: '"stop" must be' },
    { json: { stop: Array.from({ length: 17 }, () => 'x') }, says: 'at most 16' },
    { json: { echo: 1 }, says: '"echo" must be true or false' },
    { json: { stream_options: [] }, says: '"stream_options" must be an object' },
    { json: { triton_enable_empty_final_response: true }, says: 'is reserved' },
  ])('refuses $json', ({ json, says }) => {
    expect(refusal(() => read(json))).toContain(says);
  });

  test('refuses echo of a chat', () => {
    expect(refusal(() => readFields({ echo: true }, 'chat/completions', ['p']))).toContain('"echo" is not for chats');
  });
});

describe('promptsOf', () => {
  test.each([
    { prompt: 'a', want: ['a'] },
    { prompt: ['a', ''], want: ['a', ''] },
  ])('takes $prompt', ({ prompt, want }) => {
    expect(promptsOf({ prompt })).toEqual(want);
  });

  test.each([
    { prompt: undefined, says: '"prompt" must be a text' },
    { prompt: [], says: '"prompt" must be a text' },
    { prompt: [1, 2], says: 'token ids' },
    { prompt: [[1, 2]], says: 'token ids' },
    { prompt: [{}], says: '"prompt" must be a text' },
    { prompt: Array.from({ length: 17 }, () => 'a'), says: '17 texts, and at most 16' },
  ])('refuses $prompt', ({ prompt, says }) => {
    expect(refusal(() => promptsOf({ prompt }))).toContain(says);
  });
});

describe('messagesOf', () => {
  test.each([
    { content: 'a', want: 'a' },
    { content: null, want: '' },
    { content: undefined, want: '' },
    {
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      want: 'a\nb',
    },
  ])('takes content $content', ({ content, want }) => {
    const [message] = messagesOf({ messages: [{ role: 'user', content, name: 'x' }] });
    expect(message).toEqual({ role: 'user', content: want, name: 'x' });
  });

  test.each([
    { messages: undefined, says: '"messages" must be a list' },
    { messages: [], says: '"messages" must be a list' },
    { messages: ['a'], says: 'messages[0] must be an object with a "role"' },
    { messages: [{ content: 'a' }], says: 'messages[0]' },
    { messages: [{ role: 'user', content: 5 }], says: 'messages[0].content' },
    {
      messages: [
        { role: 'user', content: '' },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] },
      ],
      says: 'messages[1].content has a part of type "image_url", and the model takes text only',
    },
    { messages: Array.from({ length: 1025 }, () => ({ role: 'user' })), says: '1025 messages' },
  ])('refuses $says', ({ messages, says }) => {
    expect(refusal(() => messagesOf({ messages }))).toContain(says);
  });
});

describe('templateValues', () => {
  test('are the client’s own, and whether the assistant begins', () => {
    expect(templateValues({})).toEqual({ add_generation_prompt: true });
    const given = { chat_template_kwargs: { enable_thinking: false }, add_generation_prompt: false };
    expect(templateValues(given)).toEqual({ enable_thinking: false, add_generation_prompt: false });
  });

  test.each([
    { json: { chat_template_kwargs: [] }, says: 'must be an object' },
    { json: { chat_template_kwargs: { messages: 'x' } }, says: '"messages" cannot be given' },
    { json: { chat_template_kwargs: { raise_exception: 'x' } }, says: '"raise_exception" cannot be given' },
    { json: { chat_template_kwargs: { deep: {} } }, says: '"deep" cannot be given' },
    { json: { add_generation_prompt: 'yes' }, says: 'must be true or false' },
  ])('refuse $json', ({ json, says }) => {
    expect(refusal(() => templateValues(json))).toContain(says);
  });
});
