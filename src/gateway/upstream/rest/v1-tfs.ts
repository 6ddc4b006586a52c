/** What TensorFlow Serving tells over HTTP of a model beside V1: `GET …/metadata` has the datatypes of each signature. */
import { DEFAULT_SIGNATURE } from '../../tfs/model-spec.ts';
import { metadataOf, readMetadataJson } from '../../tfs/signatures.ts';
import { noSignature, signatureNamed } from '../../tfs/signed.ts';
import type { V1Models } from './v1-rest.ts';

/** @param byDefault the signature of requests that name none */
export const tfsModels = (byDefault: string): V1Models => ({
  async metadata(server, path, call) {
    const signatures = readMetadataJson(await server.json(`${path}/metadata`, call));
    return metadataOf(signatures, byDefault);
  },
  called(request, { name, signatures }) {
    const signature = signatureNamed(request) ?? byDefault;
    const outputs = signatures?.get(signature)?.outputs;
    if (!outputs) throw noSignature(name, signature, [...(signatures?.keys() ?? [])]);
    return { head: signature === DEFAULT_SIGNATURE ? {} : { signature_name: signature }, outputs };
  },
});
