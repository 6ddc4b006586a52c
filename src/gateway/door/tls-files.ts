/** Our certificate for clients: read again when a file has changed, for the next connection. */
import { constants, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { MusterError, reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { MIN_VERSION } from '../../wire/tls.ts';

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Undefined: clients need none. */
  readonly ca: string | undefined;
}

export interface ListeningTls {
  /** Whether clients must show a certificate. */
  readonly asksClients: boolean;
  /** As the files are now, or as they were when they last made sense: the same object until they change. Never throws. */
  context(): SecureContextOptions;
}

const FLAGS = { cert: '--ssl_certfile', key: '--ssl_keyfile', ca: '--ssl_ca_certs' } as const;
const HINT = 'Give PEM files, unencrypted, that this user may read, and a key that belongs to the certificate.';

/** @throws MusterError TLS_FILE_UNREADABLE, TLS_INVALID */
export function openTls(files: TlsFiles, log: Log): ListeningTls {
  let seen = signatureOf(files);
  let context = readContext(files);
  const reload = (signature: string) => {
    seen = signature;
    try {
      context = readContext(files);
      log.info(`the certificate in ${files.cert} has changed; it serves the next connection`);
    } catch (error) {
      log.warn(`the TLS files were changed and cannot be used: ${reasonOf(error)}; the old ones stay. → ${HINT}`);
    }
  };
  return {
    asksClients: files.ca !== undefined,
    context: () => {
      const signature = signatureOf(files);
      if (signature !== seen) reload(signature);
      return context;
    },
  };
}

function readContext(files: TlsFiles): SecureContextOptions {
  const cert = read('cert', files.cert);
  const context = { cert, key: read('key', files.key), minVersion: MIN_VERSION, ...caOf(files) };
  try {
    createSecureContext(context);
    new X509Certificate(cert);
    return context;
  } catch (cause) {
    const message = `the certificate ${files.cert} and the key ${files.key} cannot be used: ${reasonOf(cause)}`;
    throw new MusterError({ code: 'TLS_INVALID', message, hint: HINT }, { cause });
  }
}

/** Without tickets: a resumed session is not checked again, so one whose CA has gone would be let in. */
const caOf = ({ ca }: TlsFiles): SecureContextOptions =>
  ca === undefined ? {} : { ca: read('ca', ca), secureOptions: constants.SSL_OP_NO_TICKET };

function read(name: keyof TlsFiles, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `${FLAGS[name]} ${file} cannot be read: ${reasonOf(cause)}`;
    throw new MusterError({ code: 'TLS_FILE_UNREADABLE', message, hint: HINT }, { cause });
  }
}

/** Changes whenever one of the files does, also by the swap of a symbolic link above them. */
const signatureOf = ({ cert, key, ca }: TlsFiles): string =>
  [cert, key, ...(ca === undefined ? [] : [ca])]
    .map((file) => {
      try {
        const { dev, ino, mtimeMs, size } = statSync(file);
        return `${dev}:${ino}:${mtimeMs}:${size}`;
      } catch {
        return 'none'; // reading it says why
      }
    })
    .join();
