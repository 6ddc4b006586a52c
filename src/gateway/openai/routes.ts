/** OpenAI's paths: under /v1 as its servers have them, and under /openai/v1 as KServe's do. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import type { Routes } from '../http/handlers.ts';
import type { HttpWork } from '../http/work.ts';
import { PASSED_PATHS, type PassedPath } from './document.ts';
import { openAiRefusal } from './errors.ts';
import { inOpenAiShape, listModels, oneModel } from './models.ts';
import { passOn } from './pass.ts';
import { textWork } from './text/work.ts';

/** A predictor of tensors has no such thing. */
const notOffered = (path: PassedPath) => (): never => {
  throw new Failure(
    501,
    `/v1/${path} needs a predictor that serves it itself: --predictor_protocol openai, in front of vLLM, SGLang, llama.cpp or KServe's huggingfaceserver`,
  );
};

const workOf = (path: PassedPath, { settings, text }: GatewayContext): HttpWork => {
  if (settings.predictor_protocol === 'openai') return passOn(path);
  return path === 'completions' || path === 'chat/completions' ? textWork(path, text) : notOffered(path);
};

export function addOpenAi(routes: Routes, context: GatewayContext): void {
  routes.look('/v1/models', listModels);
  routes.look('/v1/models/:model', oneModel);
  routes.look('/openai/v1/models', inOpenAiShape(listModels));
  routes.look('/openai/v1/models/:model', inOpenAiShape(oneModel));
  for (const path of PASSED_PATHS) {
    const route = { api: path, work: workOf(path, context), model: 'body', refuse: openAiRefusal } as const;
    routes.work(`/v1/${path}`, route);
    routes.work(`/openai/v1/${path}`, route);
  }
}
