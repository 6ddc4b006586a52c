// Text in, text in capitals out; and every way in which a module can go wrong.
import { writeFileSync } from 'node:fs';

export const inputs = [{ name: 'text', datatype: 'BYTES', shape: [-1] }];

export async function preprocess(request, { tensor, texts }) {
  const words = texts(request.inputs[0]);
  if (words.includes('loop')) for (;;);
  if (words.includes('sleep')) await new Promise(() => {});
  if (words.includes('throw')) throw new Error('the preprocessor is broken');
  if (words.includes('refuse')) throw Object.assign(new Error('"refuse" is not allowed'), { status: 422 });
  if (words.includes('nothing')) return undefined;
  if (words.includes('exit')) process.exit(3);
  if (words[0] === 'expire') setTimeout(() => expire(words[1]), 50);
  return {
    ...request,
    inputs: [
      tensor(
        'IN',
        'BYTES',
        [words.length],
        words.map((each) => each.toUpperCase()),
      ),
    ],
  };
}

/** Says so in a file, for nobody else hears of it. */
function expire(file) {
  writeFileSync(file, '');
  process.exit(4);
}
