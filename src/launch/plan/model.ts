/**
 * Decides where the weights come from. Pure: the caller has already looked at the disk.
 *
 * A filled directory wins over a hub id, so a pod with a mounted model never calls the hub.
 */
import type { Refusal } from '../../errors.ts';
import type { Sourced } from '../args/options.ts';
import type { ModelDirectory } from './facts.ts';

export type ModelSource =
  | { readonly kind: 'directory'; readonly path: string; readonly fingerprint: string | undefined }
  | { readonly kind: 'hub'; readonly id: string }
  /** The server args name it themselves. */
  | { readonly kind: 'args'; readonly text: string };

export interface ModelInput {
  /** The runtime can load a model by hub id: its templates say {model} or {model_id}. */
  readonly takesHubIds: boolean;
  readonly need: 'required' | 'optional' | 'none';
  readonly directory: Sourced<string> | undefined;
  readonly seen: ModelDirectory | undefined;
  readonly id: Sourced<string> | undefined;
  /** What the server args say. */
  readonly inArgs: Sourced<string> | undefined;
}

export type ModelChoice = { model?: Sourced<ModelSource>; refusals: readonly Refusal[]; notes: readonly string[] };

export function chooseModel({ need, directory, seen, id, inArgs, takesHubIds }: ModelInput): ModelChoice {
  if (need === 'none') return { refusals: [], notes: [] };
  if (inArgs)
    return { model: { value: { kind: 'args', text: inArgs.value }, origin: inArgs.origin }, refusals: [], notes: [] };
  if (directory && seen?.state === 'outside') return { refusals: [outside(directory, seen)], notes: [] };
  if (directory && seen?.state === 'filled') {
    const value = { kind: 'directory', path: directory.value, fingerprint: seen.fingerprint } as const;
    const notes = id ? [`${subject(directory)} wins: ${subject(id)} "${id.value}" is not used`] : [];
    return { model: { value, origin: directory.origin }, refusals: [], notes };
  }
  if (id && !takesHubIds && need === 'required')
    return { refusals: [directory ? unusable(directory, seen) : notByHub(id)], notes: [] };
  if (id) {
    const notes = directory
      ? [`${subject(directory)} ${directory.value} ${stateInWords(seen)}: the hub id "${id.value}" is used`]
      : [];
    return { model: { value: { kind: 'hub', id: id.value }, origin: id.origin }, refusals: [], notes };
  }
  if (directory) return { refusals: [unusable(directory, seen)], notes: [] };
  return need === 'optional' ? { refusals: [], notes: [] } : { refusals: [UNSET], notes: [] };
}

const subject = (source: Sourced<string>): string => source.origin.replace(/^(env|flag) /, '');

const outside = (directory: Sourced<string>, { at, of }: { at: string; of: string }): Refusal => ({
  code: 'MODEL_DIR_OUTSIDE',
  message: `${subject(directory)} is ${directory.value}, which leads to ${at}, outside of ${of}`,
  hint: 'Give the absolute path of the model; where MUSTER_MODEL_ROOT is set it must hold what links lead to (a hub cache: its blobs too).',
});

const STATE_IN_WORDS = {
  empty: 'is empty',
  'not-a-directory': 'is not a directory',
  unreadable: 'cannot be read',
  missing: 'does not exist',
} as const;

const stateInWords = (seen: ModelDirectory | undefined): string =>
  STATE_IN_WORDS[seen && seen.state !== 'filled' && seen.state !== 'outside' ? seen.state : 'missing'];

const unusable = (directory: Sourced<string>, seen: ModelDirectory | undefined): Refusal => ({
  code: seen?.state === 'empty' ? 'MODEL_DIR_EMPTY' : 'MODEL_DIR_MISSING',
  message: `${subject(directory)} is ${directory.value}, which ${stateInWords(seen)}`,
  hint: 'Check storageUri and the volume mount of this container, or set MODEL_ID to a hub id.',
});

const notByHub = (id: Sourced<string>): Refusal => ({
  code: 'MODEL_UNSET',
  message: `${subject(id)} is "${id.value}", but this runtime takes its model from a directory only`,
  hint: 'Set MODEL_DIR to a mounted directory (KServe: storageUri).',
});

const UNSET: Refusal = {
  code: 'MODEL_UNSET',
  message: 'neither MODEL_DIR nor MODEL_ID is set, and the server args name no model',
  hint: 'Set MODEL_DIR to a mounted directory (KServe: storageUri) or MODEL_ID to a hub id.',
};

/** The name clients use when nobody gave one: the last part of the id or path. */
export function nameOfModel(model: ModelSource): string {
  const text = model.kind === 'directory' ? model.path : model.kind === 'hub' ? model.id : model.text;
  return text.replace(/\/+$/, '').split('/').pop() || 'model';
}
