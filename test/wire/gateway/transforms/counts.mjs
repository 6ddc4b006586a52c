// Each thread is told apart by a name of its own; "slow" takes its time.
import { randomUUID } from 'node:crypto';

const name = randomUUID();

export async function preprocess(request, { tensor, texts }) {
  if (texts(request.inputs[0]).includes('slow')) await new Promise((resolve) => setTimeout(resolve, 1_000));
  return { ...request, inputs: [tensor('IN', 'BYTES', [1], [name])] };
}
