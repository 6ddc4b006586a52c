/** Where a chat template is: a file of its own, tokenizer_config.json, or the directory of a model that has either. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MusterError } from '../../../errors.ts';
import { isObject, type Json } from '../../protocol/json.ts';
import type { TemplateSource } from './chat-template.ts';
import { readJson, readText } from './files.ts';

const CONFIG = 'tokenizer_config.json';
const JINJA = 'chat_template.jinja';
/** tokenizer_config.json lists added tokens, thousands with some models. */
const MAX_BYTES = 16 * 1024 * 1024;
const TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token'];

/** @throws MusterError CHAT_TEMPLATE_INVALID naming the file and what is missing in it */
export function readTemplate(path: string): TemplateSource {
  try {
    return sourceOf(path);
  } catch (cause) {
    const message = `--chat_template: ${(cause as Error).message}`;
    const hint = `Name a Jinja file, ${CONFIG}, or a directory that holds ${JINJA} or ${CONFIG}.`;
    throw new MusterError({ code: 'CHAT_TEMPLATE_INVALID', message, hint }, { cause });
  }
}

function sourceOf(path: string): TemplateSource {
  const file = isDirectory(path) ? [join(path, JINJA), join(path, CONFIG)].find(existsSync) : path;
  if (file === undefined) throw new Error(`${path} holds neither ${JINJA} nor ${CONFIG}`);
  const beside = join(dirname(file), CONFIG);
  if (file.endsWith('.json')) return { file, ...fromConfig(file, readJson(file, MAX_BYTES)) };
  const tokens = existsSync(beside) ? tokensOf(readJson(beside, MAX_BYTES)) : {};
  return { file, text: readText(file, MAX_BYTES), tokens };
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** One template, or several by name, of which `default` is for chats. */
function fromConfig(file: string, config: Json): Omit<TemplateSource, 'file'> {
  const { chat_template: given } = config;
  const named = Array.isArray(given) ? given.filter(isObject).find(({ name }) => name === 'default')?.template : given;
  if (typeof named !== 'string') throw new Error(`${file} has no "chat_template"`);
  return { text: named, tokens: tokensOf(config) };
}

/** A token is a text, or an object with its text as `content`. */
function tokensOf(config: Json): Readonly<Record<string, string>> {
  const found = TOKENS.flatMap((name) => {
    const token = isObject(config[name]) ? config[name].content : config[name];
    return typeof token === 'string' ? [[name, token]] : [];
  });
  return Object.fromEntries(found);
}
