import { expect, test } from 'vitest';
import { sayAs } from '../../../src/doctor/finding.ts';
import { reportJson, reportText } from '../../../src/doctor/report.ts';

const shm = sayAs('shm');
const ports = sayAs('ports');
const FINDINGS = [
  shm.ok({ subject: '/dev/shm size', value: 8192, unit: 'MiB', wanted: 'more than 64 MiB' }),
  shm.note({ subject: 'segments', value: 1, unit: 'MiB' }),
  ports.fail({ subject: 'rally port 7600', value: 'taken \x1b[2Jby 7', wanted: 'free', next: 'Stop it.' }),
  ports.warn({ subject: 'thing', value: null, wanted: 'a thing' }),
];

test('for people: what fails first, what to do below it, nothing that drives a terminal', () => {
  expect(reportText(FINDINGS, { colour: false })).toBe(
    `FAIL  ports  rally port 7600: taken \\x1b[2Jby 7; wanted: free
             → Stop it.
WARN  ports  thing: not there; wanted: a thing
note  shm    segments: 1 MiB
ok    shm    /dev/shm size: 8192 MiB (more than 64 MiB)
1 failing, 1 warnings, 1 notes, 1 fine
`,
  );
});

test('colours only when asked', () => {
  const text = reportText(FINDINGS, { colour: true });
  expect(text).toContain('\x1b[1;31mFAIL\x1b[0m');
  expect(reportText([], { colour: true })).toBe('0 failing, 0 warnings, 0 notes, 0 fine\n');
});

test('for programs: every finding with every field', () => {
  const { v, ok, findings } = JSON.parse(reportJson(FINDINGS, { ok: false }));
  expect({ v, ok }).toEqual({ v: 1, ok: false });
  expect(findings[1]).toEqual({
    check: 'shm',
    level: 'note',
    subject: 'segments',
    value: 1,
    unit: 'MiB',
    wanted: '',
    next: '',
  });
});
