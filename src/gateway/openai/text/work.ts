/** OpenAI's completions and chats in front of a model that takes text and gives text, such as Triton's vLLM backend. */
import { randomUUID } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { HttpWork, Job } from '../../http/work.ts';
import type { Call, InferResponse, Predictor } from '../../protocol/infer.ts';
import type { Json } from '../../protocol/json.ts';
import { jsonReply, type Reply } from '../../protocol/reply.ts';
import { timed } from '../../request.ts';
import { serveAnswers } from '../../stream/serve-stream.ts';
import { type Flavour, flavourOf } from '../../upstream/oip/flavour.ts';
import { openAiErrorEvent, openAiRefusal } from '../errors.ts';
import { modelOf, readHead, type Usage } from '../passing.ts';
import { messagesOf, templateValues } from './chat.ts';
import { type Form, promptsOf, readFields, type TextRequest } from './fields.ts';
import { readAnswer, requestOf, type TextModel, textModelOf } from './model.ts';
import type { TextParts } from './open.ts';
import { Reading } from './reading.ts';
import { type Answered, answerId, ChunkWords, DONE_EVENT, wholeAnswer } from './words.ts';

/** One request, all that is known of it. */
interface Task {
  readonly job: Job;
  readonly form: Form;
  readonly parts: TextParts;
  readonly text: TextRequest;
  readonly model: TextModel;
  readonly head: Answered;
}

export function textWork(form: Form, parts: TextParts): HttpWork {
  const streams = new Streaming();
  return async (given) => {
    const { context, named, call, body } = given;
    const head = readHead(body);
    const asked = { model: modelOf(head, context.served.names), version: '' };
    named(asked);
    const job = { ...given, asked };
    const metadata = await context.models.metadata(asked.model, '', call);
    const { text_input_name: input, text_output_name: output } = context.settings;
    const model = textModelOf(metadata, { input, output });
    const text = timed(context, 'preprocess', asked, () =>
      readFields(head.json, form, promptsIn(head.json, form, parts)),
    );
    const answered = { id: answerId(form, randomUUID()), created: Math.floor(Date.now() / 1000), model: asked.model };
    const task: Task = { job, form, parts, text, model, head: answered };
    const how = await streams.of(context.settings.predictor_flavour, context.predictor, call);
    if (!text.stream) return whole(task, how);
    await stream(task, how);
    return undefined;
  };
}

function promptsIn(json: Json, form: Form, { template }: TextParts): readonly string[] {
  if (form === 'completions') return promptsOf(json);
  if (!template)
    throw new Failure(
      501,
      'chats need the chat template of the model: --chat_template names it; /v1/completions takes prompts as they are',
    );
  return [template.render(messagesOf(json), templateValues(json))];
}

/** Triton's decoupled models answer by streams only, and its others too when asked so; KServe's servers have none. */
class Streaming {
  #flavour: Flavour | undefined;

  async of(flavour: Flavour | 'auto', predictor: Predictor, call: Call): Promise<Flavour> {
    if (flavour !== 'auto') return flavour;
    this.#flavour ??= flavourOf(await predictor.metadata(call));
    return this.#flavour;
  }
}

async function* answersOf({ job, text, model }: Task, prompt: string, flavour: Flavour, call: Call) {
  const { predictor } = job.context;
  const request = requestOf(model, text, prompt);
  const asStream = flavour === 'triton' || (flavour === 'mlserver' && text.stream);
  if (asStream) yield* predictor.stream(request, call);
  else yield [await predictor.infer(request, call)];
}

const readingOf = ({ job, form, parts, text }: Task, prompt: string): Reading =>
  new Reading({
    prompt,
    rendered: form === 'chat/completions',
    stop: text.stop,
    maxTokens: text.maxTokens,
    cumulative: job.context.settings.text_output_kind === 'cumulative',
    tokens: parts.tokens,
  });

async function whole(task: Task, flavour: Flavour): Promise<Reply> {
  const { job, form, text, head } = task;
  const { context, asked } = job;
  const from = performance.now();
  const failed = new AbortController();
  const call = { ...job.call, signal: AbortSignal.any([job.call.signal, failed.signal]) };
  const done = await Promise.all(text.prompts.map((_, index) => choiceOf(task, index, flavour, call))).catch(
    (error) => {
      failed.abort(); // one prompt's failure is that of all: nobody waits for the others
      throw error;
    },
  );
  context.metrics.stage('predict', context.served.label(asked.model), performance.now() - from);
  const usage = used(task, done);
  return timed(context, 'postprocess', asked, () => {
    const choices = done.map(({ choice }) => choice);
    return jsonReply(200, wholeAnswer(form, head, choices, usage));
  });
}

async function choiceOf(task: Task, index: number, flavour: Flavour, call: Call) {
  const { job, text } = task;
  const prompt = text.prompts[index] ?? '';
  const reading = readingOf(task, prompt);
  let said = text.echo ? prompt : '';
  for await (const batch of answersOf(task, prompt, flavour, call)) {
    said += texts(task, reading, batch).join('');
    if (said.length > job.context.settings.max_reply_bytes) throw tooLong(task);
    if (reading.stopped) break;
  }
  return { reading, choice: { index, text: said + reading.end(), finishReason: reading.finishReason } };
}

const tooLong = ({ job, model }: Task): Failure =>
  new Failure(502, `"${model.name}" said more than ${job.context.settings.max_reply_bytes} bytes (--max_reply_bytes)`);

const texts = ({ model }: Task, reading: Reading, batch: readonly InferResponse[]): readonly string[] =>
  batch.map((each) => reading.take(readAnswer(each, model))).filter((each) => each !== '');

/** Of all prompts together; undefined when one of them cannot be counted. */
function used({ job }: Task, done: readonly { readonly reading: Reading }[]): Usage | undefined {
  const each = done.map(({ reading }) => reading.usage);
  if (each.some((usage) => usage === undefined)) return undefined;
  const known = each as readonly Usage[];
  const sum = (of: keyof Usage) => known.reduce((all, usage) => all + usage[of], 0);
  const usage = { prompt: sum('prompt'), completion: sum('completion') };
  job.context.metrics.tokens(job.context.served.label(job.asked.model), usage);
  return usage;
}

async function stream(task: Task, flavour: Flavour): Promise<void> {
  await serveAnswers<string>(task.job, (call) => chunks(task, flavour, call), {
    event: (text) => text,
    last: () => DONE_EVENT,
    failed: openAiErrorEvent,
    refused: openAiRefusal,
  });
}

/** One prompt after the other. Nothing is said before the model has: until then a failure can be a status. */
async function* chunks(task: Task, flavour: Flavour, call: Call): AsyncGenerator<readonly string[], void, undefined> {
  const { form, text, head } = task;
  const words = new ChunkWords(form, head);
  const done: { readonly reading: Reading }[] = [];
  for (const [index, prompt] of text.prompts.entries()) {
    const reading = readingOf(task, prompt);
    let first = [...words.begin(index), ...(text.echo ? [words.text(index, prompt)] : [])];
    for await (const batch of answersOf(task, prompt, flavour, call)) {
      const events = texts(task, reading, batch).map((each) => words.text(index, each));
      yield events.length > 0 ? [...first, ...events] : []; // it lives, though what it says is held back
      if (events.length > 0) first = [];
      if (reading.stopped) break;
    }
    const rest = reading.end();
    yield [...first, ...(rest === '' ? [] : [words.text(index, rest)]), words.end(index, reading.finishReason)];
    done.push({ reading });
  }
  const usage = used(task, done);
  if (usage && text.includeUsage) yield [words.usage(usage)];
}
