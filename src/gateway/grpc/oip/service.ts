/** inference.GRPCInferenceService: the Open Inference Protocol over gRPC. */
import { serverMetadata } from '../../look.ts';
import { infer, timed } from '../../request.ts';
import { readFields, textOf } from '../../upstream/oip/wire-format.ts';
import type { Methods } from '../methods.ts';
import * as answer from './answer.ts';
import { askedOf, decoded, inferRequestOf, isTyped, readRequest } from './request.ts';
import { modelStreamInfer } from './stream.ts';

const SERVICE = '/inference.GRPCInferenceService/';

export function addOip(methods: Methods): void {
  methods.look(`${SERVICE}ServerLive`, () => answer.yes(true));
  methods.look(`${SERVICE}ServerReady`, async ({ readiness }) => answer.yes((await readiness.gateway()).ready));
  methods.look(`${SERVICE}ServerMetadata`, async (context) => answer.serverMetadata(await serverMetadata(context)));
  methods.look(`${SERVICE}ModelReady`, async ({ served, readiness }, message) => {
    const { name, version } = decoded(() => readNamed(message));
    served.check(name);
    const verdict = await (readiness.draining ? readiness.gateway() : readiness.model(name, version));
    return answer.yes(verdict.ready);
  });
  methods.look(`${SERVICE}ModelMetadata`, async ({ served, models }, message) => {
    const { name, version } = decoded(() => readNamed(message));
    served.check(name);
    return answer.modelMetadata(await models.look(name, version));
  });
  methods.work(`${SERVICE}ModelInfer`, 'grpc', async ({ context, call, named, message }) => {
    const read = decoded(() => readRequest(message));
    named(askedOf(read));
    const request = timed(context, 'preprocess', read, () => decoded(() => inferRequestOf(read)));
    const response = await infer(context, request, call);
    return timed(context, 'postprocess', read, () => answer.inferResponse(response, isTyped(read)));
  });
  methods.stream(`${SERVICE}ModelStreamInfer`, modelStreamInfer);
}

/** ModelReadyRequest and ModelMetadataRequest. */
function readNamed(message: Uint8Array): { readonly name: string; readonly version: string } {
  const named = { name: '', version: '' };
  readFields(message, (no, value) => {
    if (no === 1) named.name = textOf(value);
    else if (no === 2) named.version = textOf(value);
  });
  return named;
}
