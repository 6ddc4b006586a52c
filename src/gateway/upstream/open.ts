/** The predictor that the settings name. A new protocol is a case here and a folder beside `oip/`. */
import { MusterError } from '../../errors.ts';
import type { Predictor } from '../protocol/infer.ts';
import type { GatewaySettings } from '../settings.ts';
import { OipGrpc } from './oip/oip-grpc.ts';
import { predictorTls } from './predictor-tls.ts';

/** @throws MusterError CONFIG_INVALID */
export function openPredictor(settings: GatewaySettings): Predictor {
  const {
    predictor,
    predictor_protocol: protocol,
    predictor_flavour: flavour,
    max_reply_bytes: maxReplyBytes,
  } = settings;
  if (protocol === 'grpc-v2') {
    const known = flavour === 'auto' ? undefined : flavour;
    return new OipGrpc({ ...predictor, flavour: known, tls: predictorTls(settings), maxReplyBytes });
  }
  throw new MusterError({
    code: 'CONFIG_INVALID',
    message: `--predictor_protocol ${protocol} is not spoken to the predictor`,
    hint: 'Write --predictor_protocol grpc-v2; the paths and bodies that clients use stay the same.',
  });
}
