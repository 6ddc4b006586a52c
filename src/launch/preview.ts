/** The commands a plan leads to, with what only the rally knows in <angle brackets>. Pure. */
import type { Env } from './args/settings.ts';
import type { ShownCommand } from './plan/describe.ts';
import type { Plan } from './plan/plan.ts';
import { endpoint, serverCommand } from './plan/render.ts';
import { deviceCounts, rayStartHead, rayStartWorker } from './start/ray/command.ts';

export function previewCommands(plan: Plan, env: Env): ShownCommand[] {
  const head = plan.role.value === 'head';
  const rank = plan.rank?.value;
  const seating = {
    rank: rank ?? ('<rank>' as const),
    headAddress: head ? plan.address.value : (plan.headAddress?.value ?? '<head>'),
    fromHead: head || plan.model ? {} : { ...plan.values, ...FROM_HEAD },
    serverArgs: plan.serverArgs ?? (head ? [] : ['<server args of the head>']),
    engineEnv: {},
  };
  const server = serverCommand(plan, seating, env);
  return [
    ...(plan.engine.value === 'ray' ? [{ who: `engine (${plan.role.value})`, argv: rayArgv(plan) }] : []),
    ...(server ? [{ who: `server (${plan.role.value})`, argv: server.argv }] : []),
  ];
}

/** A worker that was told no model (KServe) gets the head's. */
const FROM_HEAD = { model: '<model of the head>', model_name: '<its name>' };

function rayArgv(plan: Plan): readonly string[] {
  const common = {
    ray: 'ray',
    nodeName: `${plan.member.value}-<incarnation>`,
    address: plan.address.value,
    ...deviceCounts(plan.devices),
    extraArgs: plan.recipe.rayArgs,
    block: plan.takeover.value === 'supervise' || plan.role.value === 'worker',
  };
  return plan.role.value === 'head'
    ? rayStartHead({ ...common, port: plan.ports.engine.value })
    : rayStartWorker({
        ...common,
        headAddress: endpoint(plan.headAddress?.value ?? '<head>', plan.ports.engine.value),
      });
}
