/** What does not fit together of the options about OpenAI's API. Pure. */
import type { Refusal } from '../../errors.ts';

export interface OpenAiValues {
  readonly predictor_protocol: string;
  readonly openai_prefix: string | undefined;
  readonly chat_template: string | undefined;
  readonly text_input_name: string | undefined;
  readonly text_output_name: string | undefined;
  readonly transform: readonly string[];
}

const wrong = (message: string, hint: string): Refusal => ({ code: 'USAGE', message, hint });

/** A path of its own, such as /openai: what `new URL` would change is none. */
const PREFIX = /^(\/[\w.~-]+)+$/;

export function checkOpenAi(values: OpenAiValues): readonly Refusal[] {
  const { predictor_protocol: protocol, openai_prefix: prefix } = values;
  const refusals: Refusal[] = [];
  if (prefix !== undefined && !PREFIX.test(prefix))
    refusals.push(wrong(`--openai_prefix is "${prefix.slice(0, 80)}"`, 'Write a path such as /openai.'));
  if (protocol === 'openai') return [...refusals, ...withoutTensors(values)];
  if (prefix !== undefined)
    refusals.push(wrong('--openai_prefix is for --predictor_protocol openai', 'Leave one of them out.'));
  return refusals;
}

/** An OpenAI predictor renders chats itself, and nothing here looks into its texts. */
function withoutTensors(values: OpenAiValues): readonly Refusal[] {
  const own = 'The predictor makes prompts of chats itself: leave it out.';
  const hints = {
    chat_template: own,
    text_input_name: own,
    text_output_name: own,
    transform: 'Transforms work on tensors: put the text through one in front of a grpc-v2 predictor.',
  } as const;
  return Object.entries(hints).flatMap(([name, hint]) => {
    const value = values[name as keyof typeof hints];
    const isGiven = value !== undefined && value.length > 0;
    return isGiven ? [wrong(`--${name} has nothing to do with --predictor_protocol openai`, hint)] : [];
  });
}
