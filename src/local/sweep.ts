/** Takes a group down, whatever is left of it, found by its label. Idempotent; may be called while it comes up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError } from '../errors.ts';
import { type Docker, isGone } from './docker.ts';
import { labelled } from './look.ts';

export interface Sweep {
  /** Seconds between SIGTERM and SIGKILL; undefined: what each container was made with. */
  readonly graceSeconds: number | undefined;
  /** Only what this `up` made; absent: everything of the group. */
  readonly life?: string;
  /** Aborted: no grace any more. */
  readonly hurry: AbortSignal;
}

export interface Swept {
  readonly containers: number;
  readonly networks: number;
  readonly volumes: number;
}

const TRIES = 5;
const PAUSE_MS = 300;

/** @throws MusterError when something of it cannot be removed */
export async function sweep(docker: Docker, group: string, how: Sweep): Promise<Swept> {
  const swept = { containers: 0, networks: 0, volumes: 0 };
  let last: unknown;
  for (let turn = 0; turn < TRIES; turn += 1) {
    if (turn > 0) await sleep(PAUSE_MS);
    last = undefined;
    const left = await leftovers(docker, group, how.life);
    if (left.containers.length + left.networks.length + left.volumes.length === 0) return swept;
    try {
      // All are told at once: the head drains, and the workers wait for it.
      await Promise.all(left.containers.map((id) => end(docker, id, how)));
      swept.containers += await removeAll(left.containers, (id) => removeContainer(docker, id));
      swept.networks += await removeAll(left.networks, (id) =>
        docker.ask('remove a network', (api) => api.getNetwork(id).remove()),
      );
      swept.volumes += await removeAll(left.volumes, (name) =>
        docker.ask('remove a volume', (api) => api.getVolume(name).remove()),
      );
    } catch (error) {
      last = error; // another sweep of the same group may be at work; look again
    }
  }
  if (last) throw last;
  throw new MusterError({
    code: 'DOCKER_FAILED',
    message: `something of the group ${group} is always there again`,
    hint: 'End the `muster local up` that makes it.',
  });
}

async function leftovers(docker: Docker, group: string, life: string | undefined) {
  const filters = labelled(group, life);
  const [containers, networks, volumes] = await docker.ask(`list what the group ${group} has`, (api) =>
    Promise.all([
      api.listContainers({ all: true, filters }),
      api.listNetworks({ filters }),
      api.listVolumes({ filters }),
    ]),
  );
  return {
    containers: containers.map(({ Id }) => Id),
    networks: networks.map(({ Id }) => Id),
    volumes: (volumes.Volumes ?? []).map(({ Name }) => Name),
  };
}

/** SIGTERM, its grace, SIGKILL; a frozen one is thawed first, for it could not hear the signal. */
async function end(docker: Docker, id: string, { graceSeconds, hurry }: Sweep): Promise<void> {
  const container = docker.api.getContainer(id);
  const quietly = (call: Promise<unknown>) => call.catch(() => {}); // removed by force in the end
  const { State } = await container.inspect().catch(() => ({ State: { Running: false, Paused: false } }));
  if (!State.Running) return;
  if (State.Paused) await quietly(container.unpause());
  const kill = () => void quietly(container.kill());
  hurry.addEventListener('abort', kill, { once: true });
  if (hurry.aborted) kill();
  await quietly(container.stop(graceSeconds === undefined ? {} : { t: graceSeconds }));
  hurry.removeEventListener('abort', kill);
}

const removeContainer = (docker: Docker, id: string) =>
  docker.ask('remove a container', (api) => api.getContainer(id).remove({ force: true, v: true }));

/** How many were removed by us. */
async function removeAll(ids: readonly string[], remove: (id: string) => Promise<unknown>): Promise<number> {
  const done = await Promise.all(
    ids.map((id) =>
      remove(id).then(
        () => 1,
        (error: Error) => {
          if (isGone(error.cause)) return 0;
          throw error;
        },
      ),
    ),
  );
  return done.reduce<number>((sum, each) => sum + each, 0);
}
