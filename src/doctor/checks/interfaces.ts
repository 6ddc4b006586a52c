/** The rules by which NCCL, Gloo and TensorPipe read a list of interfaces. Pure. */

export interface InterfaceRule {
  /** `^`: all but these. */
  readonly not: boolean;
  /** `=` for NCCL, always for the others: the whole name; else its beginning. */
  readonly exact: boolean;
  readonly names: readonly string[];
}

/**
 * `eth` is eth0 and eth1, `=eth0` is eth0 alone, `^docker` is all but those, `^=eth0` all but eth0 (NCCL, environment
 * variables). Gloo and TensorPipe know names only.
 */
export function parseInterfaces(value: string, isNccl: boolean): InterfaceRule {
  const not = isNccl && value.startsWith('^');
  const rest = not ? value.slice(1) : value;
  const exact = !isNccl || rest.startsWith('=');
  const list = isNccl && rest.startsWith('=') ? rest.slice(1) : rest;
  // NCCL takes `name:port` as well.
  return {
    not,
    exact,
    names: list
      .split(',')
      .map((name) => name.trim().replace(/:\d*$/, ''))
      .filter(Boolean),
  };
}

export function networkInterfaceMatches({ not, exact, names }: InterfaceRule, name: string): boolean {
  const listed = names.some((each) => (exact ? each === name : name.startsWith(each)));
  return listed !== not;
}
