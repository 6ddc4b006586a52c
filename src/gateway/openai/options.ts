/** The options of `muster gateway` about OpenAI's API; `../options.ts` has them among its own. */
export const OPENAI_OPTIONS = {
  openai_prefix: {
    kind: 'text',
    describe:
      "With --predictor_protocol openai: the predictor's path before /v1, such as /openai for KServe's huggingfaceserver",
  },
  chat_template: {
    kind: 'text',
    describe:
      'Jinja template that makes prompts of chats where the predictor takes text: a file, tokenizer_config.json, or the directory of a model',
  },
  text_input_name: {
    kind: 'text',
    describe: "Input that takes an OpenAI request's prompt; without it text_input, or the only one of BYTES",
  },
  text_output_name: {
    kind: 'text',
    describe: 'Output that holds the text; without it text_output, or the only one of BYTES',
  },
  text_output_kind: {
    kind: 'choice',
    choices: ['delta', 'cumulative'],
    default: 'delta',
    describe: 'What each answer of a stream holds: the new text, or all of it so far',
  },
} as const;
