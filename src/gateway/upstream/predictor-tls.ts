/** TLS to the predictor: whom we trust, and who we are when it wants to know. The files are read once, at the start. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { MusterError, reasonOf } from '../../errors.ts';
import { ALPN, type Dial, MIN_VERSION } from '../../wire/tls.ts';
import type { GatewaySettings } from '../settings.ts';

type TlsSettings = Pick<
  GatewaySettings,
  'predictor' | 'predictor_use_ssl' | 'predictor_ca_file' | 'predictor_cert_file' | 'predictor_key_file'
>;

/**
 * Undefined without --predictor_use_ssl.
 *
 * @param flag how the user calls the files
 * @throws MusterError CONFIG_INVALID when a file cannot be read or is no PEM
 */
export function predictorTls(
  settings: TlsSettings,
  flag: Flag = (file) => `--predictor_${file}_file`,
): Dial | undefined {
  const { predictor_use_ssl: on, predictor_ca_file: ca, predictor_cert_file: cert, predictor_key_file: key } = settings;
  if (!on) return undefined;
  const { host } = settings.predictor;
  const pem = { ...read('ca', ca, flag), ...read('cert', cert, flag), ...read('key', key, flag) };
  try {
    return {
      secureContext: createSecureContext({ ...pem, minVersion: MIN_VERSION }),
      servername: isIP(host) ? '' : host, // an IP address may not be sent as a name (RFC 6066)
      checkServerIdentity: (_host, certificate) => checkServerIdentity(host, certificate),
      ALPNProtocols: ALPN,
    };
  } catch (cause) {
    throw invalid(`the certificate or key for the predictor cannot be used: ${reasonOf(cause)}`, cause);
  }
}

type File = 'ca' | 'cert' | 'key';
type Flag = (file: File) => string;

function read(name: File, file: string | undefined, flag: Flag): { readonly [pem: string]: string } {
  if (file === undefined) return {};
  try {
    return { [name]: readFileSync(file, 'utf8') };
  } catch (cause) {
    throw invalid(`${flag(name)} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

const invalid = (message: string, cause: unknown): MusterError =>
  new MusterError(
    {
      code: 'CONFIG_INVALID',
      message,
      hint: 'Give PEM files; without a file of CAs those of Node are trusted.',
    },
    { cause },
  );
