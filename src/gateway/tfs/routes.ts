/**
 * What TensorFlow Serving's V1 has and KServe's lacks: versions, labels, metadata, classify and regress. `GET /v1/models/M` is
 * OpenAI's too: openai/ has it.
 */
import type { GatewayContext } from '../context.ts';
import { Failure, refuse } from '../failure.ts';
import type { Chosen, Routes } from '../http/handlers.ts';
import type { Look } from '../http/looks.ts';
import { passesVerbs, WORK } from '../http/work.ts';
import { oneModel } from '../openai/models.ts';
import { jsonReply } from '../protocol/reply.ts';
import type { Asked } from '../request.ts';
import { isVersion } from './model-spec.ts';
import { metadataJson } from './signatures.ts';
import { allSignatures } from './signed.ts';

const MODEL = '/v1/models/:model';

export function addTfs(routes: Routes, context: GatewayContext): void {
  routes.look(`${MODEL}/metadata`, metadata);
  for (const [path, read] of [
    [`${MODEL}/versions`, versionOf],
    [`${MODEL}/labels`, labelOf],
  ] as const) {
    const checked =
      (look: Look): Look =>
      (given, { model, version }, signal) =>
        look(given, read(model, version), signal);
    routes.look(`${path}/:version`, checked(oneModel));
    routes.look(`${path}/:version/metadata`, checked(metadata));
    // `POST …/versions/3:predict`
    routes.choose(`${path}/:last`, (last, model) => {
      const at = last.lastIndexOf(':');
      if (at < 0) throw new Failure(404, `"${last.slice(0, 200)}" is no call: write it with :predict behind it`);
      return verbOf(context, last.slice(at + 1), read(model, last.slice(0, at)));
    });
  }
}

/** @throws Failure 404 for what is no call · 501 for one that is not offered */
export function verbOf({ settings, served }: GatewayContext, verb: string, asked: Asked): Chosen {
  if (verb === 'predict') return { route: { api: 'v1', work: WORK.v1 }, asked };
  if (verb !== 'classify' && verb !== 'regress')
    throw new Failure(
      404,
      `":${verb.slice(0, 200)}" is no call: there is :predict, :classify, :regress, and without a version :explain`,
    );
  served.check(asked.model);
  if (passesVerbs(settings)) return { route: { api: verb, work: WORK[verb] }, asked };
  throw new Failure(
    501,
    `${verb} is passed on as it is, to a predictor that has it, with nothing before it: --predictor_protocol v1-tfs, no --transform`,
  );
}

function versionOf(model: string, version: string): Asked {
  if (!isVersion(version)) throw refuse(`"${version.slice(0, 200)}" is no version: write digits, or /labels/NAME`);
  return { model, version };
}

function labelOf(model: string, label: string): Asked {
  if (label === '') throw refuse('the label is empty');
  if (isVersion(label)) throw refuse(`the label "${label}" is digits only, as versions are: write /versions/${label}`);
  return { model, version: label };
}

const metadata: Look = async ({ served, models, settings }, { model, version }) => {
  served.check(model);
  const known = await models.look(model, version);
  return jsonReply(200, metadataJson(allSignatures(settings, known)));
};
