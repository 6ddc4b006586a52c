/** Every path that is served. An API of its own (a folder) adds its paths by one line here. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import { addOpenAi } from '../openai/routes.ts';
import { addJobs } from '../queue/routes.ts';
import { noExplain } from '../request.ts';
import { addTfs, verbOf } from '../tfs/routes.ts';
import type { Routes } from './handlers.ts';
import { LOOKS } from './looks.ts';
import { passesV1, WORK } from './work.ts';

export function addRoutes(routes: Routes, context: GatewayContext): void {
  routes.look('/', LOOKS.alive);
  routes.look('/metrics', LOOKS.metrics);
  addV1(routes, context);
  addV2(routes);
  addOpenAi(routes, context);
  addJobs(routes, context.queue);
  addTfs(routes, context);
}

function addV1(routes: Routes, context: GatewayContext): void {
  const { explain, settings, served } = context;
  // `POST /v1/models/NAME:predict`; a name may hold colons itself.
  routes.choose('/v1/models/:last', (last) => {
    const at = last.lastIndexOf(':');
    const [asked, verb] = [{ model: last.slice(0, at), version: '' }, last.slice(at + 1)];
    if (at <= 0) throw new Failure(404, `"${last.slice(0, 200)}" is no call: write /v1/models/NAME:predict`);
    if (verb !== 'explain') return verbOf(context, verb, asked);
    served.check(asked.model);
    if (!explain && !passesV1(settings)) throw noExplain();
    return { route: { api: 'explain', work: WORK.explain }, asked };
  });
}

function addV2(routes: Routes): void {
  routes.look('/v2', LOOKS.server);
  routes.look('/v2/health/live', LOOKS.live);
  routes.look('/v2/health/ready', LOOKS.ready);
  routes.look('/v2/models', LOOKS.models);
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    routes.look(model, LOOKS.model);
    routes.look(`${model}/ready`, LOOKS.modelReady);
    routes.work(`${model}/infer`, { api: 'v2', work: WORK.v2 });
    routes.work(`${model}/generate`, { api: 'generate', work: WORK.generate });
    routes.work(`${model}/generate_stream`, { api: 'generate_stream', work: WORK.generate_stream });
  }
  for (const control of ['/v2/repository/index', '/v2/repository/models/:model/:last'])
    routes.choose(control, noControl);
}

/** KServe's server and Triton have these paths. Who may ask for answers need not be who may take models away. */
const noControl = (): never => {
  throw new Failure(501, 'models are listed, loaded and unloaded at the predictor itself, not through the gateway');
};
