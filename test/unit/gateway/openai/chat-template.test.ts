/** Chat templates: where they are found, what they make, and what is wrong with a broken one, with its line. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ChatTemplate } from '../../../../src/gateway/openai/text/chat-template.ts';
import { openTextParts } from '../../../../src/gateway/openai/text/open.ts';

const TEMPLATES = join(import.meta.dirname, 'templates');
const MARKED = readFileSync(join(TEMPLATES, 'marked.jinja'), 'utf8');
const ALTERNATING = readFileSync(join(TEMPLATES, 'alternating.jinja'), 'utf8');
const user = (content: string) => ({ role: 'user', content });
const templateOf = (text: string, tokens = { bos_token: '<s>', eos_token: '</s>' }) =>
  new ChatTemplate({ file: 'chat.jinja', text, tokens });

/** Files by their paths, gone with the test. */
function folder(files: Readonly<Record<string, string | object>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'chat-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(dir, { recursive: true });
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
  return dir;
}
const opened = async (path: string) =>
  (await openTextParts({ chat_template: path, tokenizer: undefined, transform: [] })).template;

describe('a chat', () => {
  test('becomes the prompt that the template writes', () => {
    const prompt = templateOf(MARKED).render([user(' Hi '), { ...user('you'), name: 'Zo\u00eb' }], {
      add_generation_prompt: true,
    });
    expect(prompt).toBe(
      '<|begin|>system\nYou are of help.</s>\n<|begin|>user\nHi</s>\n<|begin|>user\nyou</s>\n' +
        '<|meta|>{"name": "Zo\u00eb", "turn": 2}\n<|begin|>assistant\n',
    );
  });

  test('gets the values of the client', () => {
    const values = { add_generation_prompt: true, enable_thinking: false };
    expect(templateOf(MARKED).render([user('a')], values)).toMatch(/assistant\n<think><\/think>\n$/);
  });

  test('that the template does not want is refused in its words', () => {
    expect(() => templateOf(MARKED).render([{ role: 'duck', content: '' }], {})).toThrow(
      expect.objectContaining({ status: 400, message: 'there is no role duck' }),
    );
    expect(() => templateOf(ALTERNATING).render([user('a'), user('b')], {})).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining('turns must go') }),
    );
  });

  test('that the template cannot do with is the template’s mistake', () => {
    const template = templateOf("{{ messages[0].content.split('-')[1].strip() if messages|length > 1 }}");
    expect(() => template.render([user('a'), user('b')], {})).toThrow(
      expect.objectContaining({ status: 500, message: expect.stringContaining('chat.jinja failed') }),
    );
  });
});

describe('a broken template', () => {
  test.each([
    { what: 'a tag within another', text: 'a\nb\n{% if x %}\n{{ x \n{% endif %}\n', line: 5 },
    { what: 'a word that is no statement', text: 'a\n{% wrong %}\nb\n', line: 2 },
    { what: 'a loop that does not end', text: 'a\n{% for m in messages %}\na\nb', line: 2 },
    { what: 'an operator too many', text: 'a\nb\n{{ 1 + * 2 }}\nc', line: 3 },
  ])('is refused with its line: $what', ({ text, line }) => {
    expect(() => templateOf(text)).toThrow(
      expect.objectContaining({
        code: 'CHAT_TEMPLATE_INVALID',
        message: expect.stringContaining(`--chat_template chat.jinja line ${line}: `),
      }),
    );
  });

  test.each([
    { what: 'a filter', text: '{{ messages[0].content | no_such_filter }}' },
    { what: 'a function', text: '{{ no_such_function(messages) }}' },
  ])('is refused when it uses $what that is not there', ({ text }) => {
    expect(() => templateOf(text)).toThrow(expect.objectContaining({ code: 'CHAT_TEMPLATE_INVALID' }));
  });

  test('is none when it only wants other messages', () => {
    expect(() => templateOf("{{ raise_exception('a system message, please') }}")).not.toThrow();
  });
});

describe('--chat_template', () => {
  test.each([
    { what: 'a Jinja file', files: { 'x.jinja': '{{ bos_token }}a' }, path: 'x.jinja', want: 'a' },
    {
      what: 'a Jinja file beside the tokens of its model',
      files: { 'x.jinja': '{{ bos_token }}a', 'tokenizer_config.json': { bos_token: { content: '<s>' } } },
      path: 'x.jinja',
      want: '<s>a',
    },
    {
      what: 'tokenizer_config.json',
      files: { 'tokenizer_config.json': { chat_template: '{{ eos_token }}b', eos_token: '</s>', bos_token: null } },
      path: 'tokenizer_config.json',
      want: '</s>b',
    },
    {
      what: 'the default of several templates',
      files: {
        'tokenizer_config.json': {
          chat_template: [
            { name: 'tool_use', template: 'no' },
            { name: 'default', template: 'yes' },
          ],
        },
      },
      path: '.',
      want: 'yes',
    },
    {
      what: 'a directory, whose chat_template.jinja counts first',
      files: { 'chat_template.jinja': 'new', 'tokenizer_config.json': { chat_template: 'old' } },
      path: '.',
      want: 'new',
    },
  ])('is $what', async ({ files, path, want }) => {
    const template = await opened(join(folder(files), path));
    expect(template?.render([user('x')], {})).toBe(want);
  });

  test.each([
    { what: 'nowhere', files: {}, path: 'none.jinja', says: 'cannot be read' },
    {
      what: 'an empty directory',
      files: {},
      path: '.',
      says: 'holds neither chat_template.jinja nor tokenizer_config',
    },
    { what: 'no JSON', files: { 'a.json': '{' }, path: 'a.json', says: 'is no JSON' },
    { what: 'a list', files: { 'a.json': '[]' }, path: 'a.json', says: 'not an object' },
    { what: 'without a template', files: { 'a.json': {} }, path: 'a.json', says: 'has no "chat_template"' },
  ])('is refused when it is $what', async ({ files, path, says }) => {
    await expect(opened(join(folder(files), path))).rejects.toMatchObject({
      code: 'CHAT_TEMPLATE_INVALID',
      message: expect.stringContaining(says),
    });
  });

  test('is not read when there is none', async () => {
    expect(await openTextParts({ chat_template: undefined, tokenizer: undefined, transform: [] })).toEqual({
      template: undefined,
      tokens: undefined,
    });
  });
});

test('a tokenizer that cannot be read is refused at start', async () => {
  const parts = openTextParts({ chat_template: undefined, tokenizer: folder({}), transform: [] });
  await expect(parts).rejects.toMatchObject({ code: 'TRANSFORM_INVALID' });
});
