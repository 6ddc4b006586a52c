/** A real group of three with a probe port each, whose members can be killed and come back. */
import { aMeeting, freePorts, type Muster, RUNTIMES, type Stage } from '../../process/support/stage.ts';

export interface PageGroup {
  start(rank: number): Muster;
  /** SIGKILL to muster and its server, as a container dies. */
  killOutright(rank: number): Promise<void>;
  /** Of the head's page, or a worker's. */
  url(rank: number): string;
  probePort(rank: number): number;
  /** SIGTERM to all, and waits for all. */
  stop(): Promise<void>;
}

const STOP_MS = 60_000;

/** @param name of a member; the model server is the fixture that does as it is told */
export async function aPageGroup(stage: Stage, name = (rank: number) => `m${rank}`): Promise<PageGroup> {
  const { rally, engine, http } = await aMeeting();
  const probes = await freePorts(3);
  const running = new Map<number, Muster>();
  const start = (rank: number): Muster => {
    const place = ['--world-size=3', `--rank=${rank}`, `--member=${name(rank)}`, '--head-address=127.0.0.1'];
    const ports = [`--rally-port=${rally}`, `--engine-port=${engine}`, `--server-port=${http}`];
    const ours = [`--probe-port=${probes[rank]}`, `--runtimes=${RUNTIMES}`, '--grace=2', '--restarts=5', '--lease=10'];
    const server = rank === 0 ? ['--', '--custom'] : [];
    const member = stage.start(['launch', 'model-server', ...place, ...ports, ...ours, ...server], {
      env: { MUSTER_TERMINATION_LOG: '/dev/null' },
    });
    running.set(rank, member);
    return member;
  };
  return {
    start,
    killOutright: async (rank) => {
      running.get(rank)?.kill('SIGKILL');
      await stage.kill(new RegExp(`model-server --port=\\d+ --rank=${rank}`));
      await running.get(rank)?.ended();
    },
    url: (rank) => `http://127.0.0.1:${probes[rank]}/`,
    probePort: (rank) => probes[rank] ?? 0,
    stop: async () => {
      const members = [...running.values()].filter(({ isOver }) => !isOver);
      for (const member of members) member.kill('SIGTERM');
      await Promise.all(members.map((member) => member.ended(STOP_MS)));
    },
  };
}
