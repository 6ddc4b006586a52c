/** The versions of a model as clients of TensorFlow Serving ask for them. */
import type { GatewayContext } from '../context.ts';
import { Failure } from '../failure.ts';
import type { Verdict } from '../ops/readiness.ts';
import type { Asked } from '../request.ts';
import { isVersion } from './model-spec.ts';
import type { VersionStatus } from './status.ts';

/** What a predictor that tells no versions is said to have: there is no status without one. */
const ONLY = '1';

/** Those that the model's metadata names, when it is ready; what is not ready is the version that was asked for. */
export async function versionsOf(
  { models }: Pick<GatewayContext, 'models'>,
  { model, version, ready, why }: Asked & Verdict,
): Promise<readonly VersionStatus[]> {
  const known = ready && !isVersion(version) ? await toldVersions(models, { model, version }) : [version];
  const versions = known.filter(isVersion);
  const state = ready ? 'AVAILABLE' : 'LOADING';
  return (versions.length > 0 ? versions : [ONLY]).map((each) => ({ version: each, state, why }));
}

async function toldVersions(models: GatewayContext['models'], { model, version }: Asked): Promise<readonly string[]> {
  try {
    return (await models.look(model, version)).versions;
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}
