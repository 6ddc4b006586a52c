/** Who reaches whom, as findings and as a table. Pure. */
import { printable } from '../../printable.ts';
import { type Finding, sayAs, some } from '../finding.ts';
import type { Guest, Outcome, Try } from './words.ts';

const say = sayAs('reach');

/** One finding for each port that is not reached, with all who do not; one for all that are. */
export function reachFindings(guests: readonly Guest[], tries: readonly Try[]): Finding[] {
  const bad = tries.filter(({ outcome }) => outcome.how !== 'reached');
  const groups = Map.groupBy(bad, ({ to, use, port, outcome }) => `${to} ${use} ${port} ${inWords(outcome)}`);
  const findings = [...groups.values()].map((group) => ofGroup(guests, group));
  const good = tries.length - bad.length;
  return [
    ...findings,
    ...(good > 0 ? [say.ok({ subject: 'ports reached', value: `${good} of ${tries.length} tries` })] : []),
  ];
}

function ofGroup(guests: readonly Guest[], group: readonly Try[]): Finding {
  const [first] = group;
  if (!first) throw new Error('a group has members');
  const { to, use, port, outcome } = first;
  const target = guests.find(({ rank }) => rank === to);
  const from = some(group.map((each) => `rank ${each.from}`));
  const said = {
    subject: `${from} to rank ${to} (${target?.member}, ${target?.address}), ${use} port ${port}`,
    value: inWords(outcome),
  };
  if (outcome.how === 'untried') return say.note({ ...said, next: `See the report of rank ${to}.` });
  return say.fail({ ...said, wanted: 'reached', next: `${NEXT[outcome.how]}${use === 'any' ? ANY : ''}` });
}

const NEXT = {
  reached: '',
  refused:
    'It listened there, so something on the way refused: a NetworkPolicy, a firewall that rejects, or another machine at that address.',
  timeout:
    'Packets are dropped on the way: allow this port between the members (NetworkPolicy, security group, firewall).',
  wrong:
    'That address leads to another program or machine: correct --address (POD_IP), or look for NAT and Services on the way.',
  error: 'There is no way to that address: look at routes and interfaces of both.',
};
/** What stands for ports that nobody can list. */
const ANY = ' NCCL, Gloo and Ray’s workers use ports that the kernel chooses: allow all TCP between the members.';

export function inWords(outcome: Outcome): string {
  switch (outcome.how) {
    case 'reached':
      return `${outcome.ms} ms`;
    case 'timeout':
      return `no answer in ${outcome.ms} ms`;
    case 'wrong':
      return `answered by ${outcome.who}`;
    case 'error':
      return outcome.code;
    case 'untried':
      return `not tried: ${outcome.why}`;
    default:
      return 'refused';
  }
}

/** Wider tables nobody reads: the findings name what fails. */
const MAX_COLUMNS = 12;
const MAX_CELL = 22;

/** Rows dial, columns are dialled. */
export function matrixText(guests: readonly Guest[], tries: readonly Try[]): string {
  const columns = [...new Map(tries.map(({ to, use, port }) => [`${to} ${port}`, { to, use, port }])).values()].sort(
    (a, b) => a.to - b.to || a.port - b.port,
  );
  if (columns.length === 0) return '';
  if (columns.length > MAX_COLUMNS)
    return `${tries.length} tries between ${guests.length} members; --json has each of them.\n`;
  const title = ({ to, use, port }: (typeof columns)[number]) => `${to} ${use}${use === 'any' ? '' : ` ${port}`}`;
  const cell = (from: number, { to, port }: (typeof columns)[number]) => {
    const found = tries.find((each) => each.from === from && each.to === to && each.port === port);
    return found ? printable(inWords(found.outcome)).slice(0, MAX_CELL) : '-';
  };
  const rows = [
    ['from \\ to', ...columns.map(title)],
    ...guests.map(({ rank, member }) => [`${rank} ${member}`, ...columns.map((column) => cell(rank, column))]),
  ];
  const widths = ['', ...columns].map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return `\n${rows
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
