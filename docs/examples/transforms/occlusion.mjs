// explain: how much each word of a text counts, by asking the model about the text without it.
//
//   muster gateway … --transform ./occlusion.mjs,tokenize --tokenizer /mnt/models
//   curl localhost:8080/v1/models/bert:explain -d '{"instances": ["a truly great film"]}'
//   {"explanations":[{"score":0.97,"words":[["a",0.01],["truly",0.12],["great",0.71],["film",0.02]]}]}

/** Texts of one call: the more, the fewer calls; the model says what it takes. */
const BATCH = 32;

/** @type {import('../../../runtimes/transform.d.ts').Explain} */
export async function explain(request, { infer, texts, tensor, values }) {
  const [given] = request.inputs;
  if (given === undefined) throw Object.assign(new Error('send one input of texts'), { status: 400 });

  /** The score of the class that the model is for, the last one. @param {readonly string[]} rows */
  const scoresOf = async (rows) => {
    const { outputs } = await infer({ inputs: [tensor(given.name, 'BYTES', [rows.length], rows)] });
    const [scores] = outputs;
    if (scores === undefined) throw new Error('the model gave no output');
    const all = values(scores).map(Number);
    const classes = all.length / rows.length;
    return rows.map((_, row) => all[(row + 1) * classes - 1] ?? Number.NaN);
  };

  const explanations = texts(given).map(async (text) => {
    const words = text.split(/\s+/).filter((word) => word !== '');
    const without = words.map((_, at) => words.filter((_word, other) => other !== at).join(' '));
    const all = [text, ...without];
    const batches = Array.from({ length: Math.ceil(all.length / BATCH) }, (_, at) =>
      scoresOf(all.slice(at * BATCH, (at + 1) * BATCH)),
    );
    const [score = 0, ...others] = (await Promise.all(batches)).flat();
    return { score, words: words.map((word, at) => [word, score - (others[at] ?? score)]) };
  });
  return { explanations: await Promise.all(explanations) };
}
