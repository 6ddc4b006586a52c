/**
 * grpcurl for the tests: somebody else's gRPC client. Built once from source by `go install` into `.cache/bin`, for
 * whoever has Go. As a program it prints where it is, or why there is none.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3';
const DIR = fileURLToPath(new URL('../.cache/bin', import.meta.url));

export type Found = { readonly path: string } | { readonly missing: string };

export async function grpcurl(): Promise<Found> {
  const path = `${DIR}/grpcurl`;
  if (await isExecutable(path)) return { path };
  try {
    await promisify(execFile)('go', ['install', PACKAGE], { env: { ...process.env, GOBIN: DIR } });
    return { path };
  } catch (cause) {
    return { missing: whyNot(cause as NodeJS.ErrnoException & { readonly stderr?: string }) };
  }
}

function whyNot({ code, stderr, message }: NodeJS.ErrnoException & { readonly stderr?: string }): string {
  if (code === 'ENOENT') return 'grpcurl is not in .cache/bin, and Go is not installed to build it';
  return `grpcurl could not be built: ${(stderr || message).trim().split('\n').at(-1)}`;
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

if (import.meta.main) console.log(await grpcurl());
