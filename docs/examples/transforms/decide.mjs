// postprocess: scores become a decision, so that clients need not know the model's thresholds.
//
//   muster gateway … --transform ./decide.mjs

const REVIEW = 0.5;
const REFUSE = 0.9;

/** @type {import('../../../runtimes/transform.d.ts').Transform['outputs']} */
export const outputs = [
  { name: 'decision', datatype: 'BYTES', shape: [-1] },
  { name: 'score', datatype: 'FP32', shape: [-1] },
];

/** @type {import('../../../runtimes/transform.d.ts').Postprocess} */
export function postprocess(response, _request, { values, tensor }) {
  const [scores] = response.outputs;
  if (scores === undefined) throw new Error('the model gave no output');
  const all = values(scores).map(Number);
  const decisions = all.map((score) => (score >= REFUSE ? 'refuse' : score >= REVIEW ? 'review' : 'accept'));
  return {
    ...response,
    outputs: [tensor('decision', 'BYTES', [all.length], decisions), tensor('score', 'FP32', [all.length], all)],
  };
}
