// Loads while `stays` is beside it. "exit" ends the thread.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('./stays', import.meta.url))) throw new Error('its file is gone');

export function preprocess(request, { texts }) {
  if (texts(request.inputs[0]).includes('exit')) process.exit(3);
  return request;
}
