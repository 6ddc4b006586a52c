/** What the kernel says of this process, and who is PID 1. */
import { arch, release } from 'node:os';
import { findTini } from '../../process/init.ts';
import { textAt } from './files.ts';

export interface KernelFacts {
  readonly release: string;
  readonly arch: string;
  /** 0: no filter; 1: strict; 2: a filter is set; undefined: not seen. */
  readonly seccomp: number | undefined;
  readonly noNewPrivs: boolean | undefined;
  /** This Node can replace itself by another program. */
  readonly hasExecve: boolean;
  /** Short name of PID 1; undefined: not seen. */
  readonly first: string | undefined;
  /** We are PID 1 ourselves. */
  readonly isFirst: boolean;
  readonly tini: string | undefined;
}

export interface KernelQuestion {
  readonly root: string;
  readonly pid: number;
  readonly path: string;
}

export function lookAtKernel({ root, pid, path }: KernelQuestion): KernelFacts {
  const status = textAt(root, '/proc/self/status') ?? '';
  const field = (name: string): number | undefined => {
    const value = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1];
    return value === undefined ? undefined : Number(value);
  };
  const privs = field('NoNewPrivs');
  return {
    release: release(),
    arch: arch(),
    seccomp: field('Seccomp'),
    noNewPrivs: privs === undefined ? undefined : privs === 1,
    hasExecve: typeof process.execve === 'function',
    first: textAt(root, '/proc/1/comm')?.trim(),
    isFirst: pid === 1,
    tini: findTini(path),
  };
}
