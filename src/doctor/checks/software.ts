/** The programs and packages a launch needs, by the files they left. */
import type { Facts } from '../facts.ts';
import { type Finding, sayAs } from '../finding.ts';

const say = sayAs('software');

export function checkSoftware({ software, needs }: Pick<Facts, 'software' | 'needs'>): Finding[] {
  const { program, ray, packages } = software;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [
    ...(program ? [ofProgram(program)] : []),
    ...(needs.engine === 'ray' ? [ofRay(ray)] : []),
    ...(versions.length > 0 ? [say.ok({ subject: 'Python packages', value: versions.join(', ') })] : []),
  ];
}

const ofProgram = ({ name, file, missing }: NonNullable<Facts['software']['program']>): Finding =>
  missing
    ? say.fail({ subject: `program of the server, ${name}`, value: missing.message, next: missing.hint })
    : say.ok({ subject: 'program of the server', value: file ?? name });

function ofRay({ file, version, missing }: Facts['software']['ray']): Finding {
  if (missing) return say.fail({ subject: 'ray', value: missing.message, next: missing.hint });
  if (version !== undefined)
    return say.ok({ subject: 'ray', value: `${version} (${file})`, wanted: 'the same on every member' });
  const next = 'Its metadata was not found beside its interpreter: compare `ray --version` of all members by hand.';
  return say.note({ subject: 'ray', value: `${file}, of unknown version`, next });
}
