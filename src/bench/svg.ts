/**
 * The table as a plot: four panels on logarithmic axes, one line a way. Each value stands beside its point, so nothing is
 * told by colour alone; light and dark follow the reader's. Pure.
 */
import { isMeasured, type Row } from './summary.ts';
import { grouped, number, type Report, WHOSE_CPU } from './table.ts';

interface Panel {
  readonly title: string;
  /** The point, and where there is a second one, that too: a line joins them. */
  readonly points: (row: Row) => readonly number[];
  readonly text: (row: Row) => string;
}

const PANELS: readonly Panel[] = [
  { title: 'request, bytes', points: ({ sent }) => [sent], text: ({ sent }) => grouped(sent) },
  {
    title: 'time, ms: ● p50, ○ p99',
    points: ({ p50, p99 }) => [p50, p99],
    text: ({ p50, p99 }) => `${number(p50)} · ${number(p99)}`,
  },
  { title: 'CPU of the client, ms/request', points: ({ cpuMs }) => [cpuMs], text: ({ cpuMs }) => number(cpuMs) },
  { title: 'requests per second', points: ({ perSecond }) => [perSecond], text: ({ perSecond }) => number(perSecond) },
];

const NAMES = 160;
const PANEL = 200;
const GAP = 22;
const WIDTH = NAMES + PANELS.length * PANEL + 8;
const TOP = 92;
const LINE = 42;
/** A point never lies on the edge of its panel. */
const INSET = 12;

const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2328}.s{font-size:12px;fill:#59636e}.h{font-size:16px;font-weight:600}
.g{stroke:#d1d9e0}.l{stroke:#0969da;stroke-width:2}.p{fill:#0969da}.q{fill:#fff;stroke:#0969da;stroke-width:2}.b{fill:#fff}
.v{paint-order:stroke;stroke:#fff;stroke-width:3px}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.g{stroke:#3d444d}.l,.q{stroke:#58a6ff}.p{fill:#58a6ff}.q,.b{fill:#0d1117}.v{stroke:#0d1117}}`;

export function svgText(report: Report): string {
  const rows = report.rows.filter(isMeasured);
  const bottom = TOP + rows.length * LINE;
  const height = bottom + 62;
  const title = `${report.model}: ${report.inputs}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(`Four ways to a predictor, ${title}`)}</title>`,
    `<desc id="d">${escaped([...rows.map(inWords), ...report.verdict].join(' '))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="b" width="${WIDTH}" height="${height}"/>`,
    `<text class="h" x="12" y="28">${escaped(title)}</text>`,
    `<text class="s" x="12" y="48">${escaped(`${report.how}; medians of the rounds; logarithmic axes`)}</text>`,
    ...rows.map((row, at) => `<text x="12" y="${TOP + at * LINE + 28}">${escaped(row.name)}</text>`),
    ...PANELS.flatMap((panel, at) => panelText(panel, rows, NAMES + at * PANEL)),
    `<text class="s" x="12" y="${height - 12}">${escaped(WHOSE_CPU)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function panelText({ title, points, text }: Panel, rows: readonly Row[], left: number): string[] {
  const scale = scaleOf(rows.flatMap(points), left + INSET, left + PANEL - GAP - INSET);
  const bottom = TOP + rows.length * LINE;
  return [
    `<text class="s" x="${left}" y="${TOP - 14}">${escaped(title)}</text>`,
    ...scale.ticks.flatMap((tick) => [
      `<path class="g" d="M${scale.at(tick)} ${TOP}V${bottom}"/>`,
      `<text class="s" x="${scale.at(tick)}" y="${bottom + 18}" text-anchor="middle">${tickText(tick)}</text>`,
    ]),
    ...rows.flatMap((row, at) =>
      marks(points(row).map(scale.at), text(row), TOP + at * LINE, (left + left + PANEL - GAP) / 2),
    ),
  ];
}

/** The points of one line, and their values above them, on the side where there is room. */
function marks(xs: readonly number[], words: string, top: number, middle: number): string[] {
  const [first = 0, second] = xs;
  const y = top + 28;
  const anchor = first > middle ? 'end' : 'start';
  const x = anchor === 'end' ? Math.max(...xs) + 5 : first - 5;
  return [
    ...(second === undefined ? [] : [`<path class="l" d="M${first} ${y}H${second}"/>`]),
    `<circle class="p" cx="${first}" cy="${y}" r="5"/>`,
    ...(second === undefined ? [] : [`<circle class="q" cx="${second}" cy="${y}" r="4"/>`]),
    `<text class="s v" x="${x}" y="${y - 10}" text-anchor="${anchor}">${escaped(words)}</text>`,
  ];
}

/** Whole decades around all values. @returns where a value lies, and the decades */
export function scaleOf(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const at = (value: number) => Math.round(10 * (from + ((to - from) * (Math.log10(value) - low)) / (high - low))) / 10;
  const all = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step));
  return { at, ticks: all.length <= 5 ? all : all.filter((_, step) => step % 2 === 0) };
}

const tickText = (tick: number): string => {
  if (tick >= 1e6) return `${tick / 1e6}M`;
  return tick >= 1e3 ? `${tick / 1e3}k` : String(Number(tick.toPrecision(1)));
};

const inWords = ({ name, sent, p50, p99, cpuMs, perSecond }: Row): string =>
  `${name}: ${grouped(sent)} bytes a request, p50 ${number(p50)} ms, p99 ${number(p99)} ms, ${number(cpuMs)} ms of CPU a request, ${number(perSecond)} requests per second.`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Control characters are no XML at all. */
const escaped = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  text.replace(/[\u0000-\u001f]/g, ' ').replace(/[&<>"]/g, (each) => ENTITIES[each] ?? '');
