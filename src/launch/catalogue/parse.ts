/** One runtime file's text to a checked `Runtime`, or every complaint at once. Pure; loaded only for YAML not yet compiled. */
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { MusterError, type Refusal, reasonOf } from '../../errors.ts';
import { MAX_RUNTIME_BYTES } from './limits.ts';
import { type Runtime, runtimeSchema } from './schema.ts';

/** Levels of nesting; a runtime has seven. Deeper ones cost the YAML parser 2 KB a bracket, and its stack. */
const DEEPEST = 64;

/** What is not YAML at all can be wrong in a thousand places; nobody reads more than these. */
const MAX_COMPLAINTS = 20;

/**
 * @param text YAML 1.2, core schema, no custom tags, at most 50 aliases (no expansion bombs), unique keys
 * @param file named in each complaint
 * @throws MusterError RUNTIME_INVALID (65) with one refusal for each complaint
 */
export function parseRuntime(text: string, file: string): Runtime {
  const fail = (complaints: readonly string[]): never => {
    const more = complaints.length - MAX_COMPLAINTS;
    const told = more > 0 ? [...complaints.slice(0, MAX_COMPLAINTS), `and ${more} more`] : complaints;
    const refusals = told.map(
      (why): Refusal => ({
        code: 'RUNTIME_INVALID',
        message: `runtime file ${file}: ${why}`,
        hint: 'Compare it with `muster runtimes show demo`; runtimes/schema.json gives editors completion.',
      }),
    );
    throw new MusterError(refusals as [Refusal, ...Refusal[]]);
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RUNTIME_BYTES) fail([`${bytes} bytes, more than ${MAX_RUNTIME_BYTES}`]);
  if (isDeep(text)) fail([`nested more than ${DEEPEST} levels deep`]);
  const result = runtimeSchema.safeParse(readYaml(text, fail));
  return result.success ? result.data : fail(result.error.issues.map(complaintOf));
}

/** By brackets, and by `- - -` in one line; deep indentation needs more bytes than a file may have. */
function isDeep(text: string): boolean {
  if (new RegExp(`(?:[-?][ \\t]+){${DEEPEST}}`).test(text)) return true;
  let depth = 0;
  for (const character of text) {
    if (character === '[' || character === '{') depth++;
    if (character === ']' || character === '}') depth = Math.max(0, depth - 1);
    if (depth > DEEPEST) return true;
  }
  return false;
}

function readYaml(text: string, fail: (why: readonly string[]) => never): unknown {
  try {
    const document = parseDocument(text, { schema: 'core', uniqueKeys: true });
    // A warning is a tag that core YAML does not have: its value would be taken for a string.
    const complaints = [...document.errors, ...document.warnings];
    if (complaints.length > 0) return fail(complaints.map((each) => each.message.split('\n')[0] ?? each.code));
    return document.toJS({ maxAliasCount: 50 });
  } catch (cause) {
    if (cause instanceof MusterError) throw cause;
    return fail([reasonOf(cause)]);
  }
}

const complaintOf = (issue: z.core.$ZodIssue): string => `${z.core.toDotPath(issue.path) || '(top)'}: ${issue.message}`;
