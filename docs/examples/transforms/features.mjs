// cached: clients send who it is about, and the features come from a feature store over HTTP. Each is asked for once a
// minute, by all threads together; with MUSTER_GATEWAY_CACHE_REDIS by all gateways together.
//
//   FEATURE_STORE=http://features:8500 muster gateway … --transform ./features.mjs
//   curl localhost:8080/v1/models/risk:predict -d '{"instances": ["customer-17", "customer-4"]}'

const STORE = process.env.FEATURE_STORE;
const KEEP_SECONDS = 60;
/** Shorter than --transform_timeout_seconds, so that a slow store costs its request and no thread. */
const PATIENCE_MS = Number(process.env.FEATURE_STORE_PATIENCE_MS ?? 2_000);

/** @type {import('../../../runtimes/transform.d.ts').Transform['inputs']} */
export const inputs = [{ name: 'entity', datatype: 'BYTES', shape: [-1] }];

/** @type {import('../../../runtimes/transform.d.ts').Preprocess} */
export async function preprocess(request, { cached, texts, tensor, metadata }) {
  const [given] = request.inputs;
  if (given === undefined) throw Object.assign(new Error('send the names of entities'), { status: 400 });
  const rows = await Promise.all(texts(given).map((entity) => cached(entity, KEEP_SECONDS, () => lookUp(entity))));
  const width = rows[0]?.length ?? 0;
  const [input] = metadata.inputs;
  const name = input?.name ?? 'features';
  return { ...request, inputs: [tensor(name, input?.datatype ?? 'FP32', [rows.length, width], rows.flat())] };
}

/** @param {string} entity @returns {Promise<number[]>} */
async function lookUp(entity) {
  const url = `${STORE}/features/${encodeURIComponent(entity)}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 404) throw Object.assign(new Error(`nobody knows "${entity}"`), { status: 404 });
  if (!answer.ok) throw new Error(`the feature store says ${answer.status}`);
  return answer.json();
}
