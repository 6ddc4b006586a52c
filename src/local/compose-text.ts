/** The compose file as text, with what has to lie beside it. */
import { stringify } from 'yaml';
import { BESIDE, composeOf } from './compose.ts';
import type { Group } from './group.ts';

export const composeText = (group: Group): string =>
  `# The group ${group.name}, as \`muster local up\` would make it. Beside this file, once:
#   muster install ${BESIDE.muster}
#   head -c 32 /dev/urandom | base64 > ${BESIDE.token.replace('./', '')}
# Then: docker compose -p ${group.name} up
${stringify(composeOf(group), { lineWidth: 0 })}`;
