import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { oomKills } from '../../../src/process/oom-kills.ts';

const V1 = 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n';
const V2 = 'low 0\nhigh 0\nmax 12\noom 2\noom_kill 5\noom_group_kill 0\n';

test.each<{
  when: string;
  membership: string;
  files: Record<string, string>;
  want: { count: number; at: string } | undefined;
}>([
  {
    when: 'version 2, seen from outside',
    membership: '0::/kubepods/pod1/c1\n',
    files: { 'kubepods/pod1/c1/memory.events': V2, 'memory.events': 'oom_kill 99\n' },
    want: { count: 5, at: 'kubepods/pod1/c1/memory.events' },
  },
  {
    when: 'version 2, from within a container',
    membership: '0::/\n',
    files: { 'memory.events': V2 },
    want: { count: 5, at: 'memory.events' },
  },
  {
    when: 'version 1 beside an empty version 2',
    membership: '9:name=systemd:/\n4:memory:/docker/c1\n1:cpu:/\n0::/\n',
    files: { 'memory/docker/c1/memory.oom_control': V1 },
    want: { count: 3, at: 'memory/docker/c1/memory.oom_control' },
  },
  {
    when: 'version 1 from within a container, whose own path is not to be seen',
    membership: '4:hugetlb,memory:/docker/c1\n',
    files: { 'memory/memory.oom_control': V1 },
    want: { count: 3, at: 'memory/memory.oom_control' },
  },
  {
    when: 'an old kernel, which does not count',
    membership: '0::/\n',
    files: { 'memory.events': 'oom 0\n' },
    want: undefined,
  },
  { when: 'no cgroups at all', membership: '', files: {}, want: undefined },
])('$when → $want', ({ membership, files, want }) => {
  const mount = mkdtempSync(join(tmpdir(), 'cgroup-'));
  onTestFinished(() => rmSync(mount, { recursive: true }));
  for (const [name, text] of Object.entries({ ...files, self: membership })) {
    mkdirSync(dirname(join(mount, name)), { recursive: true });
    writeFileSync(join(mount, name), text);
  }
  const found = oomKills({ mount, membership: join(mount, 'self') });
  expect(found).toEqual(want && { count: want.count, file: join(mount, want.at) });
});
