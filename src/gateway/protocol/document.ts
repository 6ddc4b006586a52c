/**
 * A body that is passed on as it is: one value that no one here looks into. Who speaks the client's own protocol takes it, and
 * answers with another; what stands before the predictor (a cache, retries) sees a request like any other.
 */
import { joinBytes, type Tensor } from '../tensor/tensor.ts';

/** @param name tells by which protocol the body is to be read */
export const documentTensor = (name: string, body: Uint8Array): Tensor => ({
  name,
  datatype: 'BYTES',
  shape: [1],
  data: joinBytes([body]),
});

export const documentBody = ({ data }: Tensor): Uint8Array => data.subarray(4); // behind its length
