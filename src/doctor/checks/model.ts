/** The model on disk: there, whole, readable; and room for one that is still to come. */
import type { Facts } from '../facts.ts';
import { type Finding, mib, sayAs, some } from '../finding.ts';

const say = sayAs('model');
const LITTLE_BYTES = 5 * 1024 * 1024 * 1024;
const NETWORKED = /^(nfs|cifs|fuse|ceph|lustre|gpfs|9p|virtiofs|beegfs)/;

type Input = Pick<Facts, 'needs' | 'model' | 'account' | 'refusals'>;

export const checkModel = (input: Input): Finding[] => [...onDisk(input), ...toFetch(input)];

function onDisk({ model, account, refusals }: Input): Finding[] {
  if (!model) return [];
  const subject = `model directory ${model.path}`;
  if (model.state !== 'filled') {
    // The plan has said it already.
    if (refusals.some(({ code }) => code.startsWith('MODEL_DIR_'))) return [];
    const next = 'Check storageUri and the volume mount of this container.';
    return [say.fail({ subject, value: STATE[model.state], wanted: 'a directory with a model', next })];
  }
  return [
    say.ok({ subject, value: mib(model.weightBytes), unit: 'MiB', wanted: inventory(model) }),
    ...wrong(
      'weight files that the index names and that are missing',
      model.missing,
      'Fetch the model again: the download was cut off.',
    ),
    ...wrong(
      'files that are empty, unfinished, or only a pointer',
      model.broken,
      'Fetch them again (git lfs pull, or the hub’s own client).',
    ),
    ...wrong(
      `files that uid ${account.uid} may not read`,
      model.unreadable,
      'chmod them, or set securityContext.fsGroup.',
    ),
    ...(model.indexError === undefined
      ? []
      : [
          say.fail({
            subject: 'index of the weights',
            value: model.indexError,
            wanted: 'JSON with a weight_map',
            next: 'Fetch it again.',
          }),
        ]),
    ...disk(model),
  ];
}

const STATE = {
  missing: 'does not exist',
  empty: 'is empty',
  unreadable: 'cannot be read',
  outside: 'leads out of where models may be',
  'not-a-directory': 'is not a directory',
} as const;

function inventory({ weights, indexed, fingerprint }: NonNullable<Input['model']>): string {
  const files = `${weights} weight ${weights === 1 ? 'file' : 'files'}${indexed ? `, ${indexed.length} in the index` : ''}`;
  return `${files}; config.json ${fingerprint === undefined ? 'is not there' : `has SHA-256 ${fingerprint.slice(0, 12)}…`}`;
}

const wrong = (subject: string, names: readonly string[], next: string): Finding[] =>
  names.length === 0 ? [] : [say.fail({ subject, value: some(names), next })];

function disk({ diskType }: NonNullable<Input['model']>): Finding[] {
  if (diskType === undefined || !NETWORKED.test(diskType)) return [];
  const next =
    'Every member reads the whole model over the network at its start: set --ready-timeout accordingly, or cache it on the node.';
  return [say.note({ subject: 'file system of the model', value: diskType, next })];
}

/** A model by hub id lands in the cache. */
function toFetch({ needs, account }: Input): Finding[] {
  const cache = account.places.find(({ name }) => name === 'hub cache');
  if (!needs.fromHub || !cache?.disk) return [];
  const said = { subject: `disk free for the hub cache, ${cache.path}`, value: mib(cache.disk.freeBytes), unit: 'MiB' };
  const next = 'Mount a volume, and set HF_HOME to it.';
  return [
    cache.disk.freeBytes < LITTLE_BYTES
      ? say.warn({ ...said, wanted: `at least ${mib(LITTLE_BYTES)} MiB`, next })
      : say.ok(said),
  ];
}
