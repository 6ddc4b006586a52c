/** `GET /v1/models` and `/v1/models/M`, whose paths KServe's V1 and OpenAI share: one object that is both answers. */
import { Failure } from '../failure.ts';
import type { Look } from '../http/looks.ts';
import { jsonReply, type Reply } from '../protocol/reply.ts';
import { statusJson } from '../tfs/status.ts';
import { versionsOf } from '../tfs/versions.ts';
import type { KnownModels } from '../upstream/known-models.ts';
import { openAiRefusal } from './errors.ts';

type Entry = Readonly<Record<string, unknown>>;

/** Seconds since 1970: nobody tells when a model was made, so it is since when it is served. */
const CREATED = Math.floor(performance.timeOrigin / 1000);

const entryOf = (id: string): Entry => ({ id, object: 'model', created: CREATED, owned_by: 'muster' });

/** Those that are served; what the predictor itself lists of them, while it can be asked. */
export const listModels: Look = async ({ settings, served, models }) => {
  const listed = settings.predictor_protocol === 'openai' ? await listOf(models) : undefined;
  const isServed = ({ id }: Entry) => served.names.length === 0 || served.names.includes(String(id));
  const data = listed?.filter(isServed) ?? served.names.map(entryOf);
  return jsonReply(200, { object: 'list', data, models: data.map(({ id }) => id) });
};

/** Undefined: nobody answers. */
async function listOf(models: Pick<KnownModels, 'server'>): Promise<readonly Entry[] | undefined> {
  try {
    return (await models.server()).models;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** KServe's readiness, which says 503 for later, TensorFlow Serving's versions and OpenAI's model. */
export const oneModel: Look = async (context, { model, version }) => {
  const { served, readiness } = context;
  served.check(model);
  const { ready, why } = readiness.draining ? await readiness.gateway() : await readiness.model(model, version);
  const versions = await versionsOf(context, { model, version, ready, why });
  const body = { name: model, ready, model_version_status: statusJson(versions), ...entryOf(model) };
  return jsonReply(ready ? 200 : 503, ready ? body : { ...body, error: why });
};

/** The same, refused in OpenAI's shape: for paths that are only OpenAI's. */
export const inOpenAiShape =
  (look: Look): Look =>
  async (...asked): Promise<Reply> => {
    try {
      return await look(...asked);
    } catch (error) {
      if (error instanceof Failure) return openAiRefusal(error);
      throw error;
    }
  };
