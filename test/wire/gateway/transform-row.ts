/** A row of transforms before a predictor in this process that answers with what it got. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { MemoryStore, type Store } from '../../../src/gateway/cache/store.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
} from '../../../src/gateway/protocol/infer.ts';
import { rawOfJson } from '../../../src/gateway/tensor/from-json.ts';
import type { Datatype, Tensor } from '../../../src/gateway/tensor/tensor.ts';
import { valuesOf } from '../../../src/gateway/tensor/to-json.ts';
import type { ChosenTransform } from '../../../src/gateway/transform/choose.ts';
import { type Explain, openTransforms, type Transforms } from '../../../src/gateway/transform/open.ts';
import type { TransformChoice } from '../../../src/gateway/transform/transform.ts';

export const HERE = join(import.meta.dirname, 'transforms');
/** For a hook that is meant to end. Milliseconds. */
export const ENOUGH = 60_000;

export const tensor = (
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  values: readonly unknown[],
): Tensor => ({
  name,
  datatype,
  shape,
  data: rawOfJson({ name, datatype, shape }, values),
});

export interface Model {
  readonly inputs: ModelMetadata['inputs'];
  /** What it answers; its inputs, when it is left out. */
  readonly answer?: (request: InferRequest, call: Call) => readonly Tensor[] | Promise<readonly Tensor[]>;
}

export const TEXT_MODEL: Model = { inputs: [{ name: 'IN', datatype: 'BYTES', shape: [-1] }] };

/** Answers with what it got. */
function echo({ inputs, answer = (request) => request.inputs }: Model): Predictor {
  const reply = async (request: InferRequest, how: Call): Promise<InferResponse> => ({
    model: request.model,
    version: '1',
    id: request.id,
    parameters: {},
    outputs: await answer(request, how),
  });
  return {
    name: 'echo',
    infer: reply,
    async *stream(request, how) {
      yield [await reply(request, how), await reply(request, how)];
      yield [await reply(request, how)];
    },
    live: async () => true,
    ready: async () => true,
    modelReady: async () => true,
    metadata: async () => ({ name: 'echo', version: '1', extensions: [] }),
    modelMetadata: async (name) => ({ name, versions: ['1'], platform: '', inputs, outputs: [] }),
    close: () => {},
  };
}

export interface Behind {
  readonly transforms: readonly ChosenTransform[];
  readonly model?: Model;
  readonly threads?: number;
  readonly deadlineMs?: number;
  readonly memoryMb?: number;
  readonly explainLimits?: { readonly maxCalls: number; readonly maxRunning: number };
  /** Transforms whose features are kept, and where. */
  readonly keeps?: readonly string[];
  readonly store?: Store;
  /** How the predictor itself explains. */
  readonly explain?: Explain;
}

/** What was metered since the last `openRow`: hooks as `NAME HOOK`, and what the store of features did. */
export const hooks: string[] = [];
export const features: string[] = [];

export async function openRow({ transforms, model = TEXT_MODEL, ...more }: Behind): Promise<Transforms> {
  hooks.length = 0;
  features.length = 0;
  const { keeps = [], store = new MemoryStore({ maxBytes: 1_000_000, ttlMs: ENOUGH }), explain, ...settings } = more;
  const row = await openTransforms(
    echo(model),
    {
      threads: 1,
      deadlineMs: ENOUGH,
      memoryMb: 512,
      explainLimits: { maxCalls: 100, maxRunning: 4 },
      ...settings,
      transforms,
      features: { keeps, store, meter: (outcome) => features.push(outcome) },
      meter: (transform, hook) => hooks.push(`${transform} ${hook}`),
    },
    explain,
  );
  onTestFinished(() => row.predictor.close());
  return row;
}

export const open = async (behind: Behind): Promise<Predictor> => (await openRow(behind)).predictor;

/** For the length of a test. Values are written as JSON, texts as they are. */
export function directoryWith(files: Readonly<Record<string, unknown>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'muster-transform-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value));
  return directory;
}

export const moduleNamed = (file: string): ChosenTransform => ({
  name: file,
  choice: { kind: 'module', path: join(HERE, file) },
});

export const builtIn = (choice: TransformChoice): ChosenTransform => ({ name: choice.kind, choice });

export const call = (deadlineMs = ENOUGH, signal: AbortSignal = new AbortController().signal): Call => ({
  deadlineAt: performance.now() + deadlineMs,
  signal,
  headers: {},
});

export const asking = (...inputs: readonly Tensor[]): InferRequest => ({
  model: 'm',
  version: '',
  id: 'r1',
  parameters: {},
  inputs,
  outputs: [],
});

export const words = (...texts: readonly string[]): InferRequest =>
  asking(tensor('text', 'BYTES', [texts.length], texts));

export const answered = async (
  predictor: Predictor,
  request: InferRequest,
  how = call(),
): Promise<Record<string, unknown>> =>
  Object.fromEntries((await predictor.infer(request, how)).outputs.map((each) => [each.name, valuesOf(each)]));
