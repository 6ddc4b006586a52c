/** Makes everything of a group and starts none of it: network, volume with muster in it, containers with the token. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { MusterError } from '../errors.ts';
import { addressesIn } from './addresses.ts';
import { containerOf, musterVolume, networkOf, ownName, volumeOf } from './container.ts';
import type { Docker } from './docker.ts';
import { type Group, INSIDE, membersOf } from './group.ts';
import { type Owner, ownerIn } from './image-user.ts';
import { groupLabels, LABEL } from './labels.ts';
import type { Carried } from './provide.ts';

export interface Making {
  readonly docker: Docker;
  readonly group: Group;
  /** Who the image runs as. */
  readonly user: string;
  /** The group's secret. */
  readonly token: string;
  /** What goes into the volume. */
  readonly muster: readonly Carried[];
  /** Aborted: makes nothing more. */
  readonly signal: AbortSignal;
}

/** Resolves with the ids of the containers by ordinal. @throws MusterError */
export async function create(making: Making): Promise<readonly string[]> {
  const { docker, group, signal } = making;
  const addresses = await makeNetwork(docker, group, signal);
  signal.throwIfAborted();
  await makeVolume(making);
  const ids: string[] = [];
  for (const member of membersOf(group, addresses)) {
    signal.throwIfAborted();
    const address = addresses[member.ordinal] ?? '';
    const { id } = await docker.ask(`make ${member.name}`, (api) =>
      api.createContainer(containerOf(group, member, address)),
    );
    ids.push(id);
    const owner = await ownerIn(docker, id, making.user);
    await docker.ask(`give ${member.name} its token`, (api) =>
      api.getContainer(id).putArchive(tokenArchive(making.token, owner), { path: '/' }),
    );
  }
  return ids;
}

const TRIES = 5;

/**
 * Addresses can only be fixed on a network whose subnet was given, and only Docker knows which ones are free: it picks
 * one for a first network, and a second one is made with that.
 */
async function makeNetwork(docker: Docker, group: Group, signal: AbortSignal): Promise<readonly string[]> {
  const make = (subnet?: string) =>
    docker.ask(`make the network ${ownName(group.name)}`, (api) => api.createNetwork(networkOf(group, subnet)));
  for (let turn = 1; ; turn += 1) {
    signal.throwIfAborted();
    const first = await make();
    const { IPAM } = await docker.ask('look at the network', async () => await first.inspect());
    const subnet: string = IPAM?.Config?.[0]?.Subnet ?? '';
    const addresses = addressesIn(subnet, group.members);
    if (!addresses) throw tooSmall(subnet, group.members);
    await docker.ask('remove the first network', () => first.remove());
    try {
      await make(subnet);
      return addresses;
    } catch (error) {
      // Another group may have been given the same one in between.
      if (turn === TRIES || !/overlaps/i.test((error as Error).message)) throw error;
    }
  }
}

const tooSmall = (subnet: string, members: number): MusterError =>
  new MusterError({
    code: 'CONFIG_INVALID',
    message: `the network that Docker gives, ${subnet || 'without an IPv4 subnet'}, has no room for ${members} members`,
    hint: 'Widen default-address-pools in the configuration of dockerd.',
  });

const taken = (volume: string): MusterError =>
  new MusterError({
    code: 'NAME_TAKEN',
    message: `there is a volume "${volume}" already, made by somebody else`,
    hint: 'Choose another name for the group with --name, or remove that volume.',
  });

/** A container that never starts carries muster into the volume: no directory of this machine need be shared. */
async function makeVolume({ docker, group, muster, signal }: Making): Promise<void> {
  const volume = await docker.ask(`make the volume ${ownName(group.name)}`, async (api) => {
    await api.createVolume(volumeOf(group));
    return await api.getVolume(ownName(group.name)).inspect();
  });
  // Docker gives back the one that is there, whoever made it.
  if (volume.Labels?.[LABEL.life] !== group.life) throw taken(ownName(group.name));
  const carrier = await docker.ask(`use the image ${group.image}`, (api) =>
    api.createContainer({
      Image: group.image,
      Entrypoint: [`${INSIDE.muster}/muster`],
      Labels: groupLabels(group),
      HostConfig: { Mounts: [musterVolume(group.name)] },
    }),
  );
  const archive = pack();
  const filled = addAll(archive, muster, signal).catch((error: Error) => archive.destroy(error));
  await docker.ask('fill the volume with muster', (api) =>
    api.getContainer(carrier.id).putArchive(Readable.from(archive), { path: INSIDE.muster }),
  );
  await filled;
  signal.throwIfAborted();
  await docker.ask('remove the carrier', () => carrier.remove({ v: false }));
}

async function addAll(archive: Pack, entries: readonly Carried[], signal: AbortSignal): Promise<void> {
  for (const entry of entries) {
    signal.throwIfAborted();
    const { name } = entry;
    if (entry.kind === 'folder') archive.entry({ name, type: 'directory', mode: 0o755 });
    else if (entry.kind === 'link') archive.entry({ name, type: 'symlink', linkname: entry.to });
    else {
      const header = { name, size: entry.bytes, mode: entry.program ? 0o755 : 0o644 };
      await pipeline(createReadStream(entry.from), archive.entry(header));
    }
  }
  archive.finalize();
}

/** Put into the container itself: neither its argv, its environment nor `docker inspect` shows it. */
function tokenArchive(token: string, owner: Owner | undefined): NodeJS.ReadableStream {
  const archive = pack();
  archive.entry({ name: INSIDE.token.slice(1), mode: owner ? 0o400 : 0o444, ...owner }, `${token}\n`);
  archive.finalize();
  return Readable.from(archive);
}
