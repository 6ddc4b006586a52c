/** The options of `muster gateway` that choose and shape transforms; `../options.ts` has them among its own. */
const threads = { kind: 'integer', min: 1, max: 64 } as const;

export const TRANSFORM_OPTIONS = {
  transform: {
    kind: 'list',
    default: [],
    describe: 'What stands before the model, in order: tokenize, image, classify, or the path of a module of yours',
  },
  transform_threads: {
    ...threads,
    default: 2,
    describe: 'Threads for each transform, and so requests at once in it; as many again for explanations',
  },
  transform_timeout_seconds: {
    kind: 'seconds',
    min: 0.001,
    max: 3_600,
    default: 10,
    describe: 'Seconds that one hook may take; then its thread is replaced and the request gets 504',
  },
  transform_memory_mb: {
    kind: 'integer',
    min: 16,
    max: 1_048_576,
    default: 1_024,
    describe: 'MiB of JavaScript objects in one thread; one that wants more is replaced, and its request gets 500',
  },
  explain_max_calls: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    default: 1_000,
    describe: "Requests to the predictor that one explanation may make, by a module's explain",
  },
  explain_concurrency: { kind: 'integer', min: 1, max: 1_000, default: 8, describe: 'Of them at once; more wait' },
  model_inputs: {
    kind: 'list',
    default: [],
    describe:
      "The model's inputs, where the predictor does not tell them: name:datatype:shape, such as input_ids:INT64:-1x-1",
  },
  tokenizer: { kind: 'text', describe: 'tokenize: directory with tokenizer.json and tokenizer_config.json' },
  max_tokens: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    default: 512,
    describe: 'tokenize: tokens of one row at most',
  },
  truncation: {
    kind: 'choice',
    choices: ['true', 'longest_first', 'only_first', 'only_second', 'false'],
    default: 'true',
    describe:
      'tokenize: which of two texts is cut, by the names that Hugging Face has; true: longest_first; false: refuse',
  },
  padding: {
    kind: 'choice',
    choices: ['longest', 'max'],
    default: 'longest',
    describe: 'tokenize: fill up to the longest row of the request, or always to --max_tokens',
  },
  image_size: { kind: 'text', default: '224x224', describe: 'image: width x height in pixels' },
  image_fit: {
    kind: 'choice',
    choices: ['fill', 'cover', 'contain'],
    default: 'fill',
    describe: 'image: stretch to the size, cut what is over, or add bars',
  },
  image_layout: {
    kind: 'choice',
    choices: ['NCHW', 'NHWC'],
    default: 'NCHW',
    describe: 'image: order of the axes of the tensor',
  },
  image_scale: {
    kind: 'text',
    default: '0.00392156862745098',
    describe: 'image: each pixel (0-255) is multiplied by it',
  },
  image_mean: {
    kind: 'list',
    default: ['0.485', '0.456', '0.406'],
    describe: 'image: then this is taken off, for red, green, blue, or one for all',
  },
  image_std: {
    kind: 'list',
    default: ['0.229', '0.224', '0.225'],
    describe: 'image: then it is divided by this',
  },
  labels: { kind: 'text', describe: 'classify: file with one label a line, the first for class 0' },
  top_k: { kind: 'integer', min: 1, max: 10_000, default: 5, describe: 'classify: how many classes are given' },
  softmax: { kind: 'switch', default: false, describe: 'classify: make probabilities of scores first' },
} as const;
