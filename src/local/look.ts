/** Looks at the members of a group: their containers, and each one's own `/status`. */
import type Dockerode from 'dockerode';
import { exchange } from '../launch/watch/probes/http-exchange.ts';
import type { StatusJson } from '../launch/watch/status-report.ts';
import { ownName } from './container.ts';
import { type Docker, isGone } from './docker.ts';
import { LABEL, readMarks } from './labels.ts';
import type { ContainerState, Sight } from './sight.ts';

/** For one answer of /status. */
const STATUS_MS = 1_000;
const STATUS_BYTES = 4 * 1024 ** 2;

/** @param life  only what this `up` made */
export const labelled = (group?: string, life?: string) => ({
  label: [
    group === undefined ? LABEL.group : `${LABEL.group}=${group}`,
    ...(life === undefined ? [] : [`${LABEL.life}=${life}`]),
  ],
});

/** Every member that has a container, by ordinal. @throws MusterError */
export async function look(docker: Docker, group: string): Promise<readonly Sight[]> {
  const listed = await docker.ask('list the members', (api) =>
    api.listContainers({ all: true, filters: labelled(group) }),
  );
  const sights = await Promise.all(listed.map(({ Id }) => lookAt(docker, Id)));
  return sights
    .filter((sight) => sight !== undefined)
    .toSorted((a, b) => a.marks.ordinal - b.marks.ordinal || a.name.localeCompare(b.name));
}

/** Names of all groups that have left anything. @throws MusterError */
export async function groupNames(docker: Docker): Promise<readonly string[]> {
  const filters = labelled();
  const [containers, networks, volumes] = await docker.ask('list the groups', (api) =>
    Promise.all([
      api.listContainers({ all: true, filters }),
      api.listNetworks({ filters }),
      api.listVolumes({ filters: filters }),
    ]),
  );
  const all = [...containers, ...networks, ...(volumes.Volumes ?? [])];
  return [...new Set(all.flatMap(({ Labels }) => Labels?.[LABEL.group] ?? []))].sort();
}

async function lookAt(docker: Docker, id: string): Promise<Sight | undefined> {
  const info = await docker
    .ask('look at a member', async (api) => await api.getContainer(id).inspect())
    .catch((error: Error) => {
      if (isGone(error.cause)) return undefined;
      throw error;
    });
  const marks = info && readMarks(info.Config.Labels);
  if (!info || !marks) return undefined;
  const state = info.State.Status as ContainerState;
  const ports = {
    probe: publishedPort(info, marks.probePort),
    server: marks.serverPort === undefined ? undefined : publishedPort(info, marks.serverPort),
  };
  return {
    id,
    name: info.Name.replace(/^\//, ''),
    marks,
    state,
    connected: Boolean(info.NetworkSettings.Networks[ownName(marks.group)]),
    exit:
      state === 'exited' || state === 'dead'
        ? {
            status: info.State.ExitCode,
            endedMs: Date.parse(info.State.FinishedAt),
            outOfMemory: info.State.OOMKilled,
          }
        : undefined,
    restarts: info.RestartCount,
    ports,
    report: state === 'running' && ports.probe !== undefined ? await reportAt(ports.probe) : undefined,
  };
}

function publishedPort(info: Dockerode.ContainerInspectInfo, inside: number): number | undefined {
  const port = Number(info.NetworkSettings.Ports?.[`${inside}/tcp`]?.[0]?.HostPort);
  return port > 0 ? port : undefined;
}

/** A member that does not answer (yet) has nothing to report. */
async function reportAt(port: number): Promise<StatusJson | undefined> {
  const bounds = { timeoutMs: STATUS_MS, maxBytes: STATUS_BYTES, signal: new AbortController().signal };
  try {
    const { body } = await exchange({ host: '127.0.0.1', port }, { method: 'GET', path: '/status' }, bounds);
    const report = JSON.parse(body.toString('utf8')) as StatusJson;
    return report?.v === 1 ? report : undefined;
  } catch {
    return undefined;
  }
}
