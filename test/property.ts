/**
 * fast-check as every test here uses it.
 *
 * Each run draws cases of its own, and a failure prints the seed that drew it. `MUSTER_PROPERTY_SEED` draws the same ones
 * again: the gate sets it, so that a red gate speaks of the change. `MUSTER_PROPERTY_RUNS=5000` draws so many where a test
 * names no number (else 100), to look for what is rare.
 */
import fc from 'fast-check';

const { MUSTER_PROPERTY_SEED: seed, MUSTER_PROPERTY_RUNS: runs } = process.env;
fc.configureGlobal({ ...(seed && { seed: Number(seed) }), ...(runs && { numRuns: Number(runs) }) });

export { default } from 'fast-check';
