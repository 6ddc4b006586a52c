/** What Docker is told to make: the network, the volume and the containers of a group. Pure. */
import type { ContainerCreateOptions, NetworkCreateOptions, VolumeCreateOptions } from 'dockerode';
import { type Group, INSIDE, type Member } from './group.ts';
import { groupLabels, memberLabels } from './labels.ts';

/** Names of the group's own network and volume: no container may have them, and two groups never share one. */
export const ownName = (group: string): string => `muster-${group}`;

/** @param subnet  given so that a member keeps its address, as a pod does; undefined: Docker picks one */
export const networkOf = (group: Group, subnet?: string): NetworkCreateOptions => ({
  Name: ownName(group.name),
  CheckDuplicate: true,
  Labels: groupLabels(group),
  ...(subnet === undefined ? {} : { IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] } }),
});

export const volumeOf = (group: Group): VolumeCreateOptions => ({
  Name: ownName(group.name),
  Labels: groupLabels(group),
});

/** Empty until it is filled: an image that has a muster of its own must not leave it there. */
export const musterVolume = (group: string) =>
  ({ Type: 'volume', Source: ownName(group), Target: INSIDE.muster, VolumeOptions: NO_COPY }) as const;

const NO_COPY = { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } };

/** @param address  IP of the member on the group's network */
export function containerOf(group: Group, member: Member, address: string): ContainerCreateOptions {
  const [program, ...args] = member.command;
  return {
    name: member.name,
    Hostname: member.name,
    Image: group.image,
    // Not the image's own: an entrypoint of a stock image would start its server without us.
    Entrypoint: [program],
    Cmd: args,
    Env: Object.entries(member.env).map(([name, value]) => `${name}=${value}`),
    Labels: memberLabels(group, member, address),
    ExposedPorts: Object.fromEntries(member.ports.map(({ inside }) => [`${inside}/tcp`, {}])),
    StopTimeout: group.stopSeconds,
    // The image's own check asks the head's server, which a worker does not have.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfigOf(group, member),
    NetworkingConfig: { EndpointsConfig: { [ownName(group.name)]: endpointOf(address, member.aliases) } },
  };
}

/** How a member stands on the network; also when it comes back to it. */
export const endpointOf = (address: string, aliases: readonly string[]) => ({
  IPAMConfig: { IPv4Address: address },
  Aliases: [...aliases],
});

const hostConfigOf = (group: Group, member: Member): ContainerCreateOptions['HostConfig'] => ({
  NetworkMode: ownName(group.name),
  ShmSize: group.shmBytes,
  // Until the group is ready a member that ends is an answer, not something to try again.
  RestartPolicy: { Name: 'no' },
  Mounts: [
    { ...musterVolume(group.name), ReadOnly: true },
    ...readOnlyPaths(group).map((path) => ({ Type: 'bind', Source: path, Target: path, ReadOnly: true }) as const),
  ],
  PortBindings: Object.fromEntries(
    member.ports.map(({ inside, here }) => [`${inside}/tcp`, [{ HostIp: '127.0.0.1', HostPort: String(here) }]]),
  ),
  ...(group.memoryBytes === undefined ? {} : { Memory: group.memoryBytes, MemorySwap: group.memoryBytes }),
  ...(group.cpus === undefined ? {} : { NanoCpus: Math.round(group.cpus * 1e9) }),
  ...(member.gpus.length > 0
    ? {
        DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: [...member.gpus], Capabilities: [['gpu']] }],
        Ulimits: [{ Name: 'memlock', Soft: -1, Hard: -1 }], // NCCL pins memory
      }
    : {}),
});

/** Model and runtime files: at the same path inside, so that every path a user types holds on both sides. */
export const readOnlyPaths = ({ modelDir, runtimes }: Group): readonly string[] => [
  ...(modelDir === undefined ? [] : [modelDir]),
  ...runtimes,
];
