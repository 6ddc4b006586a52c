/** Starts members, and does to one of them what a cluster may do to a pod. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MusterError } from '../errors.ts';
import { endpointOf, ownName } from './container.ts';
import type { Docker } from './docker.ts';
import type { FaultName } from './faults.ts';
import { look } from './look.ts';
import type { Sight } from './sight.ts';
import { whichMember } from './which-member.ts';

/**
 * Starts all at once, and the late ones when their time has come.
 *
 * @param late  seconds by member
 */
export async function startAll(
  docker: Docker,
  members: readonly { readonly id: string; readonly name: string }[],
  late: Readonly<Record<string, number>>,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    members.map(async ({ id, name }) => {
      await sleep((late[name] ?? 0) * 1000, undefined, { signal });
      await docker.ask(`start ${name}`, (api) => api.getContainer(id).start());
    }),
  );
}

/** From now on Docker starts a member again that fails, as a kubelet would, with its own back-off. */
export const restartFailed = async (docker: Docker, ids: readonly string[]): Promise<void> => {
  const policy = { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 0 } };
  await Promise.all(ids.map((id) => docker.ask('set a restart policy', (api) => api.getContainer(id).update(policy))));
};

/** @throws MusterError GROUP_MISSING (66) */
export async function findMember(docker: Docker, group: string, said: string): Promise<Sight> {
  const sights = await look(docker, group);
  const name = whichMember(said, group, sights[0]?.marks.size ?? 0);
  const sight = sights.find((each) => each.name === name);
  if (sight) return sight;
  throw new MusterError({
    code: 'GROUP_MISSING',
    message: `the group ${group} has no member "${said}"; it has ${sights.map((each) => each.name).join(', ') || 'none'}`,
    hint: 'Name one of them, or its number, or `head`.',
  });
}

type Fault = (docker: Docker, member: Sight, how: { readonly stay: boolean }) => Promise<unknown>;

export const FAULTS = {
  kill: async (docker, { id, name }, { stay }) => {
    await docker.ask(`kill ${name}`, (api) => api.getContainer(id).kill());
    if (stay) return;
    await docker.ask(`wait for the end of ${name}`, (api) => api.getContainer(id).wait());
    await docker.ask(`start ${name}`, (api) => api.getContainer(id).start());
  },
  freeze: (docker, { id, name }) => docker.ask(`freeze ${name}`, (api) => api.getContainer(id).pause()),
  thaw: (docker, { id, name }) => docker.ask(`thaw ${name}`, (api) => api.getContainer(id).unpause()),
  partition: (docker, { id, name, marks }) =>
    docker.ask(`cut off ${name}`, (api) =>
      api.getNetwork(ownName(marks.group)).disconnect({ Container: id, Force: true }),
    ),
  heal: (docker, { id, name, marks }) =>
    docker.ask(`heal ${name}`, (api) =>
      api.getNetwork(ownName(marks.group)).connect({
        Container: id,
        EndpointConfig: endpointOf(marks.address, marks.aliases),
      }),
    ),
  restart: async (docker, { id, name, state }) => {
    if (state === 'paused') await docker.ask(`thaw ${name}`, (api) => api.getContainer(id).unpause());
    await docker.ask(`restart ${name}`, (api) => api.getContainer(id).restart());
  },
} as const satisfies Record<FaultName, Fault>;
