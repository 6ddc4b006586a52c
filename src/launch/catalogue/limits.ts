/** Bounds that are known before anything of a runtime file is read. */

/** A runtime file is a page of YAML; anything near this is a mistake or an attack. */
export const MAX_RUNTIME_BYTES = 256 * 1024;
