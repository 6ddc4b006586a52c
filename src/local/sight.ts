/** What can be seen of one member from outside its container. */
import type { StatusJson } from '../launch/watch/status-report.ts';
import type { Marks } from './labels.ts';

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing';

export interface Sight {
  readonly id: string;
  readonly name: string;
  readonly marks: Marks;
  readonly state: ContainerState;
  /** It is on the network of its group. */
  readonly connected: boolean;
  /** How it ended; undefined while it runs. */
  readonly exit: { readonly status: number; readonly endedMs: number; readonly outOfMemory: boolean } | undefined;
  /** How often Docker has started it again. */
  readonly restarts: number;
  /** Ports on this machine that lead to its probe port and its server. */
  readonly ports: { readonly probe: number | undefined; readonly server: number | undefined };
  /** Its own `/status`; undefined: it does not answer, or not yet. */
  readonly report: StatusJson | undefined;
}
