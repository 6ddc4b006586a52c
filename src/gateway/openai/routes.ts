/** OpenAI's paths: under /v1 as its servers have them, and under /openai/v1 as KServe's do. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import type { Routes } from '../http/handlers.ts';
import { PASSED_PATHS, type PassedPath } from './document.ts';
import { openAiRefusal } from './errors.ts';
import { inOpenAiShape, listModels, oneModel } from './models.ts';
import { passOn } from './pass.ts';

/** A predictor of tensors has no such thing. */
const notOffered = (path: PassedPath) => (): never => {
  throw new Failure(
    501,
    `/v1/${path} needs a predictor that serves it itself: --predictor_protocol openai, in front of vLLM, SGLang, llama.cpp or KServe's huggingfaceserver`,
  );
};

export function addOpenAi(routes: Routes, { settings }: GatewayContext): void {
  routes.look('/v1/models', listModels);
  routes.look('/v1/models/:model', oneModel);
  routes.look('/openai/v1/models', inOpenAiShape(listModels));
  routes.look('/openai/v1/models/:model', inOpenAiShape(oneModel));
  for (const path of PASSED_PATHS) {
    const work = settings.predictor_protocol === 'openai' ? passOn(path) : notOffered(path);
    const route = { api: path, work, model: 'body', refuse: openAiRefusal } as const;
    routes.work(`/v1/${path}`, route);
    routes.work(`/openai/v1/${path}`, route);
  }
}
