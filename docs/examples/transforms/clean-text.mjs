// preprocess: texts are cleaned before the model, or before `tokenize`, sees them.
//
//   muster gateway … --transform ./clean-text.mjs,tokenize --tokenizer /mnt/models
//   curl localhost:8080/v1/models/bert:predict -d '{"instances": ["  Ｈｅｌｌｏ <b>world</b> "]}'

const MAX_ROWS = 64;

/** @type {import('../../../runtimes/transform.d.ts').Transform['inputs']} */
export const inputs = [{ name: 'text', datatype: 'BYTES', shape: [-1] }];

/** @type {import('../../../runtimes/transform.d.ts').Preprocess} */
export function preprocess(request, { texts, tensor, metadata }) {
  const [given, ...more] = request.inputs;
  if (given === undefined || more.length > 0) throw refuse('send one input of texts');
  const rows = texts(given).map((text) => clean(text));
  if (rows.length > MAX_ROWS) throw refuse(`at most ${MAX_ROWS} texts, not ${rows.length}`);
  const name = metadata.inputs[0]?.name ?? 'text';
  return { ...request, inputs: [tensor(name, 'BYTES', [rows.length], rows)] };
}

/** @param {string} text */
const clean = (text) =>
  text
    .normalize('NFKC')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** A status of 400-499: the client's mistake. @param {string} message */
const refuse = (message) => Object.assign(new Error(message), { status: 400 });
