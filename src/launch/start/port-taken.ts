/** One refusal for a port that cannot be had, with who has it. Pure. */
import type { Refusal } from '../../errors.ts';
import { type PortTaken, takenBy } from '../../wire/port.ts';
import type { Sourced } from '../args/options.ts';

/** @param what the port's use, e.g. `the port of Ray's GCS` */
export function portTaken(what: string, port: Sourced<number>, { why, owner }: PortTaken): Refusal {
  const subject = `${what}, ${port.value} (${port.origin}),`;
  if (why === 'not-permitted') {
    return {
      code: 'PORT_TAKEN',
      message: `${subject} may not be opened by this user`,
      hint: 'Choose a port above 1023.',
    };
  }
  if (why === 'address-unavailable') {
    return {
      code: 'ADDRESS_UNAVAILABLE',
      message: `${subject} cannot be opened: the address is not of this machine`,
      hint: 'Correct --address (MUSTER_ADDRESS, POD_IP).',
    };
  }
  return {
    code: 'PORT_TAKEN',
    message: `${subject} ${takenBy(owner)}`,
    hint: 'Stop that process, or choose another port with --engine-port.',
  };
}
