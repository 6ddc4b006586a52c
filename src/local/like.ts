/** The environment that a cluster gives its members, by scheduler; docs/schedulers.md says how it is read. Pure. */
import type { Group } from './group.ts';

export const LIKE = ['kserve', 'lws'] as const;
export type Like = (typeof LIKE)[number];

/** The members' namespace, as far as there is one here. */
export const POD_NAMESPACE = 'local';

type ForEnvironment = Pick<Group, 'name' | 'members' | 'like' | 'modelDir' | 'gpus'>;

/** DNS names of the head: its own pod's, and that of the Service that leads to it. */
export function headNames(like: Like, group: string): readonly string[] {
  const pod = `${group}-0.${group}.${POD_NAMESPACE}`;
  return like === 'kserve' ? [pod, service(group), `${service(group)}.${POD_NAMESPACE}.svc`] : [pod];
}

/** KServe names the Service after the InferenceService and its generation, which is 1 for ever here. */
const service = (group: string): string => `${group}-head-1`;

export function environmentOf(group: ForEnvironment, ordinal: number): Record<string, string> {
  const pod = { POD_NAME: `${group.name}-${ordinal}`, POD_NAMESPACE };
  return group.like === 'kserve'
    ? { ...pod, ...kserve(group, ordinal === 0) }
    : { ...pod, ...leaderWorkerSet(group, ordinal) };
}

/** The controller tells the model to the head only; a worker is told where the head is. */
const kserve = ({ name, members, modelDir, gpus }: ForEnvironment, isHead: boolean): Record<string, string> => ({
  RAY_NODE_COUNT: String(members),
  ...(gpus > 0 ? { REQUEST_GPU_COUNT: String(gpus) } : {}),
  ...(isHead
    ? { MODEL_NAME: name, ...(modelDir === undefined ? {} : { MODEL_DIR: modelDir }) }
    : { ISVC_NAME: name, HEAD_SVC: service(name) }),
});

const leaderWorkerSet = ({ name, members, modelDir, gpus }: ForEnvironment, ordinal: number) => ({
  LWS_LEADER_ADDRESS: `${name}-0.${name}.${POD_NAMESPACE}`,
  LWS_GROUP_SIZE: String(members),
  LWS_WORKER_INDEX: String(ordinal),
  ...(modelDir === undefined ? {} : { MODEL_DIR: modelDir }),
  ...(gpus > 0 ? { REQUEST_GPU_COUNT: String(gpus) } : {}),
});
