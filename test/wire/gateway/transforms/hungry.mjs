// Takes memory without end, in the way that the text says.
const WAYS = {
  objects() {
    const all = [];
    for (;;) all.push({ at: all.length, text: String(all.length) });
  },
  arrays() {
    const all = [];
    for (;;) all.push(new Array(1_000_000).fill(0.5));
  },
  one() {
    const all = [];
    for (;;) all.push(0.5);
  },
  texts() {
    const all = [];
    for (let at = 0; ; at += 1) all.push(`${at}`.padEnd(100_000, String(at)).split('').join('-'));
  },
  map() {
    const all = new Map();
    for (let at = 0; ; at += 1) all.set(at, at);
  },
};

export async function preprocess(request, { tensor, texts }) {
  const [word] = texts(request.inputs[0]);
  WAYS[word]?.();
  return { ...request, inputs: [tensor('IN', 'BYTES', [1], [word])] };
}
