/** tensorflow.serving.PredictionService and ModelService for clients, whatever the predictor speaks. */

import type { GatewayContext } from '../context.ts';
import { Failure, refuse } from '../failure.ts';
import type { GrpcJob, Methods } from '../grpc/methods.ts';
import { decoded } from '../grpc/oip/request.ts';
import { type Asked, infer, timed } from '../request.ts';
import type { Parameters } from '../tensor/tensor.ts';
import { bytesOf, ProtoWriter, readFields } from '../upstream/oip/wire-format.ts';
import { answerMessage, documentRequest, type PassedMethod } from './document.ts';
import { DEFAULT_SIGNATURE, type ModelSpec, specOf, writeModelSpec } from './model-spec.ts';
import { decodePredict, encodePredicted } from './predict.ts';
import { decodeMetadataAsk, encodeMetadata, SIGNATURE_DEF } from './signatures.ts';
import { allSignatures, signedBy } from './signed.ts';
import { encodeStatus } from './status.ts';
import type { Parts } from './tensor-proto.ts';
import { versionsOf } from './versions.ts';

const PREDICTION = '/tensorflow.serving.PredictionService/';
const MODEL = '/tensorflow.serving.ModelService/';

export function addTfsServices(methods: Methods): void {
  methods.work(`${PREDICTION}Predict`, 'tfs', (job) => (passesTfs(job.context) ? pass(job, 'Predict') : predict(job)));
  methods.work(`${PREDICTION}Classify`, 'classify', (job) => pass(job, 'Classify'));
  methods.work(`${PREDICTION}Regress`, 'regress', (job) => pass(job, 'Regress'));
  methods.work(`${PREDICTION}MultiInference`, 'multi_inference', (job) => pass(job, 'MultiInference'));
  methods.look(`${PREDICTION}GetModelMetadata`, metadata);
  methods.look(`${MODEL}GetModelStatus`, status);
}

/** Nothing here needs to know what is in a message: TensorFlow Serving gets it from us as it came. */
const passesTfs = ({ settings }: GatewayContext): boolean =>
  settings.predictor_protocol === 'grpc-tfs' && settings.transforms.length === 0;

async function predict({ context, call, named, message }: GrpcJob): Promise<Parts> {
  const { settings } = context;
  const asked = checked(decoded(() => specOf(message)));
  named(asked);
  const read = timed(context, 'preprocess', asked, () =>
    decoded(() => decodePredict(message, settings.grpc_max_receive_message_length)),
  );
  const { model, version, signature } = asked;
  const parameters = await parametersOf(context, asked, call);
  const response = await infer(context, { ...read.request, model, version, parameters }, call);
  return timed(context, 'postprocess', asked, () => encodePredicted(response, signature || settings.tfs_signature));
}

/** The default signature needs no word; of another one it is asked whether it is there. */
async function parametersOf(
  { settings, models }: GatewayContext,
  { model, version, signature }: ModelSpec,
  call: GrpcJob['call'],
): Promise<Parameters> {
  if (signature === '' || signature === settings.tfs_signature) return {};
  return signedBy(settings, await models.metadata(model, version, call), signature).parameters;
}

/** @throws Failure 501 where nobody takes it as it is */
async function pass({ context, call, named, message }: GrpcJob, method: PassedMethod): Promise<Parts> {
  const [first, ...more] = decoded(() => (method === 'MultiInference' ? specsOfTasks(message) : [specOf(message)]));
  const asked = checked(first ?? NOBODY);
  named(asked);
  for (const { model } of more) context.served.check(model);
  if (!passesTfs(context))
    throw new Failure(
      501,
      `${method} is passed on as it is, to a predictor that has it, with nothing before it: --predictor_protocol grpc-tfs, no --transform`,
    );
  const whole = method === 'Predict' ? withSignature(message, asked, context.settings.tfs_signature) : message;
  return [answerMessage(await infer(context, documentRequest(asked, { method, message: whole }), call))];
}

const NOBODY: ModelSpec = { model: '', version: '', signature: '' };

/** @throws Failure 400 */
function checked(spec: ModelSpec): ModelSpec & Asked {
  if (spec.model === '') throw refuse('the request names no model: model_spec.name is empty');
  return spec;
}

/** Our default where the client has none: a second model_spec counts before the first. */
function withSignature(message: Uint8Array, { model, version, signature }: ModelSpec, byDefault: string): Uint8Array {
  if (signature !== '' || byDefault === DEFAULT_SIGNATURE) return message;
  const spec = new ProtoWriter().message(1, (to) => writeModelSpec(to, { model, version, signature: byDefault }));
  return Buffer.concat([message, ...spec.parts()]);
}

function specsOfTasks(message: Uint8Array): ModelSpec[] {
  const specs: ModelSpec[] = [];
  readFields(message, (no, value) => {
    if (no === 1) specs.push(specOf(bytesOf(value)));
  });
  return specs;
}

async function metadata(context: GatewayContext, message: Uint8Array): Promise<Parts> {
  const { served, models, settings } = context;
  const asked = decoded(() => decodeMetadataAsk(message));
  const { model, version } = checked(asked);
  served.check(model);
  const odd = asked.fields.find((field) => field !== SIGNATURE_DEF);
  if (odd !== undefined || asked.fields.length === 0)
    throw refuse(`metadata_field is "${(odd ?? '').slice(0, 200)}"; there is "${SIGNATURE_DEF}"`);
  return encodeMetadata(allSignatures(settings, await models.look(model, version)));
}

async function status(context: GatewayContext, message: Uint8Array): Promise<Parts> {
  const { served, readiness, models } = context;
  const { model, version } = checked(decoded(() => specOf(message)));
  served.check(model);
  const verdict = await (readiness.draining ? readiness.gateway() : readiness.model(model, version));
  // A model that is not there is NOT_FOUND, and no status.
  if (!verdict.ready) await models.look(model, version).catch(onlyUnknown);
  return encodeStatus(await versionsOf(context, { model, version, ...verdict }));
}

function onlyUnknown(error: unknown): void {
  if (!(error instanceof Failure) || error.status === 404) throw error;
}
