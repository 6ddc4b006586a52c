/**
 * The server's own multi-node mode: muster starts no process for it, it only says where rank 0 will listen. Also serves
 * `none`, which has nobody to tell.
 */
import { MusterError } from '../../errors.ts';
import { portFree } from '../../wire/port.ts';
import { endpoint } from '../plan/render.ts';
import { type Engine, type EngineContext, type EngineSession, NEVER } from './engine.ts';
import { portTaken } from './port-taken.ts';

export function nativeEngine({ plan }: EngineContext): Engine {
  const session: EngineSession = {
    call: { address: endpoint(plan.address.value, plan.ports.engine.value), secret: undefined },
    serverEnv: {},
    lost: NEVER,
    gate: async () => {},
    lastLines: () => [],
    stop: async () => {},
  };
  return {
    open: async () => {
      if (plan.engine.value === 'native' && plan.worldSize.value > 1) {
        const free = await portFree(plan.address.value, plan.ports.engine.value);
        if (free !== true) throw new MusterError(portTaken('the master port of the server', plan.ports.engine, free));
      }
      return session;
    },
    join: async (call) => ({ ...session, call }),
    joinCommand: async () => undefined,
  };
}
