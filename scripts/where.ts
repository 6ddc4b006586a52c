/**
 * `node scripts/where.ts < REPORT`: a stack trace of a built muster, with the places in src/ that its frames come from.
 * Names in the bundle are short; a chunk's name holds the hash of its contents, so after `npm run build` of the version
 * that was reported the frames are found again, or the chunk is not there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const dist = join(import.meta.dirname, '../dist');
const FRAME = /([\w.-]+\.js):(\d+):(\d+)/g;

/** `report` with ` ← src/…:line:column` behind each frame that can be placed. */
export const placed = (report: string, mapOf: (file: string) => SourceMap | undefined): string =>
  report.replace(FRAME, (frame, file: string, line: string, column: string) => {
    const origin = mapOf(file)?.findOrigin(Number(line), Number(column));
    if (!origin || !('fileName' in origin)) return frame;
    return `${frame} ← ${origin.fileName.replace(/^(\.\.\/)+/, '')}:${origin.lineNumber}:${origin.columnNumber}`;
  });

function mapOf(file: string): SourceMap | undefined {
  const map = join(dist, `${file}.map`);
  return existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8'))) : undefined;
}

if (import.meta.main) process.stdout.write(placed(await text(process.stdin), mapOf));
