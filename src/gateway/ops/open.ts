/** What watches requests, as the settings ask for it. */
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { MusterError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { AuditLog } from './audit.ts';
import type { Tracing } from './tracing.ts';

export interface TracingSettings {
  readonly otlp_endpoint: string | undefined;
  readonly trace_percent: number;
}

export async function openTracing({ otlp_endpoint, trace_percent }: TracingSettings): Promise<Tracing | undefined> {
  if (otlp_endpoint === undefined) return undefined;
  const { Tracing } = await import('./tracing.ts');
  return new Tracing({ endpoint: otlp_endpoint, ratio: trace_percent / 100, serviceName: 'muster-gateway' });
}

/** @throws MusterError AUDIT_UNWRITABLE */
export async function openAudit(file: string | undefined, log: Log): Promise<AuditLog | undefined> {
  if (file === undefined) return undefined;
  // Of its own: what ends this stream must not end the process's stdout.
  if (file === '-') return new AuditLog(createWriteStream('', { fd: 1, autoClose: false }), log);
  try {
    const handle = await open(file, 'a', 0o640);
    return new AuditLog(handle.createWriteStream(), log);
  } catch (error) {
    throw new MusterError({
      code: 'AUDIT_UNWRITABLE',
      message: `--audit_log ${file} cannot be written: ${(error as Error).message}`,
      hint: 'Name a file in a directory that this user may write to, or - for stdout.',
    });
  }
}
