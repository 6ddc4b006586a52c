/**
 * A model's chat template, rendered as Hugging Face's transformers do it: Jinja with trimmed blocks, raise_exception and
 * strftime_now. It is the operator's own file; what is wrong with it is said at start, with the line.
 */
import { Template } from '@huggingface/jinja';
import { MusterError } from '../../../errors.ts';
import { Failure } from '../../failure.ts';
import type { Json } from '../../protocol/json.ts';

/** As it was found; `templates.ts` reads it. */
export interface TemplateSource {
  /** For messages. */
  readonly file: string;
  readonly text: string;
  /** `bos_token` and its like, by these names. */
  readonly tokens: Readonly<Record<string, string>>;
}

export class ChatTemplate {
  readonly #source: TemplateSource;
  readonly #template: Template;

  /** @throws MusterError CHAT_TEMPLATE_INVALID with file and line */
  constructor(source: TemplateSource) {
    this.#source = source;
    try {
      this.#template = parsed(source.text);
    } catch (cause) {
      throw invalid(`${source.file} line ${lineOf(source.text, cause)}: ${parserWordsOf(cause)}`, cause);
    }
    this.#tryOut();
  }

  /**
   * @param values beside the messages; they win over the tokens of the model
   * @throws Failure 400 in the template's own words, when it raises; 500 when it cannot do with these messages
   */
  render(messages: readonly Json[], values: Json): string {
    try {
      return this.#render(messages, values);
    } catch (cause) {
      if (cause instanceof Raised) throw new Failure(400, cause.message, { cause });
      throw new Failure(500, `the chat template ${this.#source.file} failed: ${wordsOf(cause)}`, { cause });
    }
  }

  #render(messages: readonly Json[], values: Json): string {
    const muster_raise = (words: unknown) => {
      throw new Raised(String(words));
    };
    const tools = { tools: null, documents: null };
    return this.#template.render({ ...tools, ...this.#source.tokens, ...values, messages, muster_raise });
  }

  /** What it calls and does not have shows only when it runs. That it wants other messages is no fault. */
  #tryOut(): void {
    try {
      this.#render([{ role: 'user', content: 'Hello' }], { add_generation_prompt: true });
    } catch (cause) {
      if (cause instanceof Raised) return;
      throw invalid(`${this.#source.file} cannot be rendered: ${wordsOf(cause)}`, cause);
    }
  }
}

/** By `raise_exception`: the template says no. */
class Raised extends Error {}

/** Its own `raise_exception` throws what cannot be told from a mistake of the template. */
const PRELUDE = '{% set raise_exception = muster_raise %}';

function parsed(text: string): Template {
  const template = new Template(text);
  template.parsed.body.unshift(...new Template(PRELUDE).parsed.body);
  return template;
}

/** The parser tells no line: it is the first one up to which the text is wrong as all of it is, and stays so. */
function lineOf(text: string, error: unknown): number {
  const lines = text.split('\n');
  let first = lines.length;
  while (first > 1 && wrongOf(lines.slice(0, first - 1).join('\n')) === wordsOf(error)) first -= 1;
  return first;
}

function wrongOf(text: string): string | undefined {
  try {
    parsed(text);
    return undefined;
  } catch (error) {
    return wordsOf(error);
  }
}

/** Where the text ends too early the parser reads behind its end. */
const parserWordsOf = (error: unknown): string =>
  error instanceof TypeError ? 'a tag or a block that begins here is not closed' : wordsOf(error);

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const invalid = (message: string, cause: unknown): MusterError =>
  new MusterError(
    {
      code: 'CHAT_TEMPLATE_INVALID',
      message: `--chat_template ${message}`,
      hint: 'Give the template that came with the model, with tokenizer_config.json beside it for its tokens, or mend it.',
    },
    { cause },
  );
