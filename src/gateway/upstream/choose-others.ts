/** The predictors beside the first one that the settings name, or what is wrong with them. Pure. */
import type { Refusal } from '../../errors.ts';
import type { Address } from '../../wire/address.ts';

export interface OtherSettings {
  readonly predictor_use_ssl: boolean;
  readonly canary_host: string | undefined;
  readonly canary_percent: number;
  readonly shadow_host: string | undefined;
  readonly shadow_percent: number;
}

export interface Others {
  readonly canary: Address | undefined;
  readonly shadow: Address | undefined;
}

export function chooseOthers(settings: OtherSettings): Others & { readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const read = (name: 'canary' | 'shadow'): Address | undefined => {
    const { [`${name}_host` as const]: text, [`${name}_percent` as const]: percent } = settings;
    if (text === undefined && percent > 0) refusals.push(nobody(name, percent));
    if (text === undefined) return undefined;
    const address = predictorAddress(text, settings.predictor_use_ssl);
    if (!address) refusals.push(noAddress(`${name}_host`, text));
    return address;
  };
  return { canary: read('canary'), shadow: read('shadow'), refusals };
}

/** `host`, `host:port` or `[IPv6]:port`; as in KServe the port is that of HTTP when there is none. */
export function predictorAddress(text: string, tls: boolean): Address | undefined {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(parts?.[3] ?? (tls ? 443 : 80));
  return parts && port >= 1 && port <= 65_535 ? { host: parts[1] ?? parts[2] ?? '', port } : undefined;
}

export const noAddress = (option: string, text: string): Refusal => ({
  code: 'USAGE',
  message: `--${option} is "${text}", not host or host:port (IPv6: [::1]:9000)`,
  hint: `Write --${option} host:port, for example --${option} resnet-predictor.default:9000.`,
});

const nobody = (name: string, percent: number): Refusal => ({
  code: 'USAGE',
  message: `--${name}_percent is ${percent}, and --${name}_host is missing`,
  hint: `Write --${name}_host host:port, or leave --${name}_percent out.`,
});
