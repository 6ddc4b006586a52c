/** Which transform → its hooks. Runs in the transform's own thread. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HOOKS, type Transform, type TransformChoice } from './transform.ts';

/** @throws Error whose message says what is wrong with the module or its files */
export async function loadTransform(choice: TransformChoice): Promise<Transform> {
  switch (choice.kind) {
    case 'module':
      return loadModule(choice.path);
    case 'tokenize':
      return (await import('./builtin/tokenize.ts')).tokenize(choice.options);
    case 'image':
      return (await import('./builtin/image.ts')).image(choice.options);
    case 'classify':
      return (await import('./builtin/classify.ts')).classify(choice.options);
  }
}

async function loadModule(path: string): Promise<Transform> {
  const module = (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>;
  const hooks = HOOKS.filter((name) => module[name] !== undefined);
  const wrong = hooks.find((name) => typeof module[name] !== 'function');
  if (wrong) throw new Error(`${path} exports "${wrong}", which is no function`);
  if (hooks.length === 0) throw new Error(`${path} exports none of ${HOOKS.join(', ')}`);
  for (const name of ['inputs', 'outputs']) {
    if (module[name] !== undefined && !areTensors(module[name]))
      throw new Error(`${path} exports "${name}", which is no list of { name, datatype, shape }`);
  }
  return module as Transform;
}

const areTensors = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every(
    (each) => typeof each?.name === 'string' && typeof each.datatype === 'string' && Array.isArray(each.shape),
  );
