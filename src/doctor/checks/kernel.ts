/** Who reaps, and what the kernel forbids this process. */
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('kernel');
const INITS = [
  'tini',
  'tini-static',
  'docker-init',
  'dumb-init',
  'catatonit',
  'systemd',
  'init',
  'pause',
  's6-svscan',
  'muster',
];

export const checkKernel = ({ kernel, needs }: Pick<Facts, 'kernel' | 'needs'>): Finding[] => [
  first(kernel),
  filters(kernel),
  ...replace(kernel, needs),
];

/** Orphans of a server, and of `kubectl exec`, end at PID 1: one that does not wait for them collects zombies. */
function first({ first: name, isFirst, tini }: Facts['kernel']): Finding {
  const subject = 'PID 1';
  const next =
    'Start it under tini: ENTRYPOINT ["tini", "-g", "--", "muster"], docker run --init, or put tini on PATH.';
  if (isFirst && tini === undefined)
    return say.warn({ subject, value: 'muster, with no tini on PATH', wanted: 'an init that reaps', next });
  if (isFirst) return say.ok({ subject, value: `muster, which puts ${tini} below itself` });
  if (name === undefined) return say.note({ subject, value: null });
  return INITS.includes(name)
    ? say.ok({ subject, value: name })
    : say.note({
        subject,
        value: name,
        wanted: 'an init that reaps',
        next: `If ${name} does not wait for orphans they stay as zombies. ${next}`,
      });
}

function filters({ seccomp, noNewPrivs, release, arch }: Facts['kernel']): Finding {
  const mode = seccomp === undefined ? 'unknown' : (['no filter', 'strict', 'a filter'][seccomp] ?? `mode ${seccomp}`);
  const value = `Linux ${release} ${arch}; seccomp: ${mode}; no_new_privs: ${noNewPrivs ?? 'unknown'}`;
  return seccomp === 1
    ? say.fail({
        subject: 'kernel',
        value,
        wanted: 'a filter that allows execve',
        next: 'Use the RuntimeDefault seccomp profile.',
      })
    : say.ok({ subject: 'kernel', value });
}

function replace({ hasExecve }: Facts['kernel'], { takeover }: Facts['needs']): Finding[] {
  if (takeover !== 'exec' || hasExecve) return [];
  return [
    say.fail({
      subject: 'process.execve',
      value: 'this Node has none',
      wanted: 'Node 24',
      next: 'Use --takeover supervise.',
    }),
  ];
}
