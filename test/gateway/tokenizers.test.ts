/** `tokenize` beside Python's `tokenizers`, which models were trained with: the same ids, types and masks. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installVenv } from '../../scripts/servers.ts';
import type { InferRequest, ModelMetadata } from '../../src/gateway/protocol/infer.ts';
import { rawOfJson } from '../../src/gateway/tensor/from-json.ts';
import { fromRaw } from '../../src/gateway/tensor/numbers.ts';
import type { Tensor } from '../../src/gateway/tensor/tensor.ts';
import { tokenize } from '../../src/gateway/transform/builtin/tokenize.ts';
import { contextOf } from '../../src/gateway/transform/context.ts';
import type { TokenizeOptions, Transform } from '../../src/gateway/transform/transform.ts';

const PACKAGE = 'tokenizers==0.23.3';
const ORACLE = join(import.meta.dirname, 'tokenizers/oracle.py');

interface Outcome {
  readonly name: string;
  readonly kind: 'texts' | 'pairs';
  readonly config: Readonly<Record<string, string>>;
  readonly maxTokens: number;
  readonly truncate: NonNullable<TokenizeOptions['truncate']>;
  readonly pad: 'longest' | 'max';
  readonly batch: readonly (string | readonly [string, string])[];
  /** ids, mask and types of each; null where Python refuses. */
  readonly rows: readonly (readonly (readonly number[])[])[] | null;
}

const KINDS = [
  'bert-uncased',
  'bert-cased',
  'bert-processing',
  'gpt2',
  'roberta',
  'llama3',
  'unigram',
  'byte-fallback',
  'word-level',
] as const;

const MODEL: ModelMetadata = {
  name: 'm',
  versions: [],
  platform: '',
  inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
    name,
    datatype: 'INT64',
    shape: [-1, -1],
  })),
  outputs: [],
};
const CONTEXT = contextOf(MODEL, () => Promise.resolve(undefined));

const directory = mkdtempSync(join(tmpdir(), 'muster-tokenizers-'));
afterAll(() => rmSync(directory, { recursive: true }));
let outcomes: readonly Outcome[] = [];

beforeAll(() => {
  const python = join(installVenv('tokenizers-venv', PACKAGE), 'bin', 'python');
  const env = { ...process.env, TOKENIZERS_PARALLELISM: 'false' };
  const text = execFileSync(python, [ORACLE, directory], {
    env,
    maxBuffer: 1 << 28,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  outcomes = JSON.parse(text);
}, 600_000);

const loaded = new Map<string, Transform>();

function transformOf({ name, config, maxTokens, truncate, pad }: Outcome): Transform {
  const own = join(directory, name);
  const key = JSON.stringify([name, config, maxTokens, truncate, pad]);
  const known = loaded.get(key);
  if (known) return known;
  writeFileSync(join(own, 'tokenizer_config.json'), JSON.stringify(config));
  const made = tokenize({ directory: own, maxTokens, truncate, pad });
  loaded.set(key, made);
  return made;
}

const column = (name: string, texts: readonly string[]): Tensor => ({
  name,
  datatype: 'BYTES',
  shape: [texts.length],
  data: rawOfJson({ name, datatype: 'BYTES', shape: [texts.length] }, texts),
});

const requestOf = (batch: Outcome['batch']): InferRequest => {
  const pairs = batch.filter((each) => typeof each !== 'string');
  const inputs =
    pairs.length > 0
      ? [
          column(
            'text',
            pairs.map(([first]) => first),
          ),
          column(
            'text_pair',
            pairs.map(([, second]) => second),
          ),
        ]
      : [column('text', batch as readonly string[])];
  return { model: 'm', version: '', id: '', parameters: {}, inputs, outputs: [] };
};

/** As `rows` of an outcome. */
async function ours(outcome: Outcome): Promise<Outcome['rows']> {
  const transform = transformOf(outcome);
  let made: InferRequest;
  try {
    made = await transform.preprocess!(requestOf(outcome.batch), CONTEXT);
  } catch (error) {
    if ((error as { status?: number }).status === 400) return null;
    throw error;
  }
  const [rows = 0, length = 0] = made.inputs[0]!.shape;
  const values = made.inputs.map(({ data }) => Array.from(fromRaw('INT64', data) as BigInt64Array, Number));
  return Array.from({ length: rows }, (_, row) => values.map((all) => all.slice(row * length, (row + 1) * length)));
}

describe.each(KINDS)('%s', (name) => {
  test.each(['texts', 'pairs'] as const)('%s', async (kind) => {
    const own = outcomes.filter((each) => each.name === name && each.kind === kind);
    expect(own.length).toBeGreaterThan(10);
    const wrong: unknown[] = [];
    for (const outcome of own) {
      const rows = await ours(outcome);
      const { batch, maxTokens, truncate } = outcome;
      if (!rows || !outcome.rows) {
        if (rows !== outcome.rows) wrong.push({ maxTokens, truncate, batch: batch[0], rows, theirs: outcome.rows });
        continue;
      }
      for (const [at, theirs] of outcome.rows.entries())
        if (JSON.stringify(theirs) !== JSON.stringify(rows[at]))
          wrong.push({ maxTokens, truncate, batch: batch[at], ours: rows[at], theirs });
    }
    expect(wrong).toEqual([]);
  });
});
