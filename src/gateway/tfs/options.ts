/** The options of `muster gateway` about TensorFlow Serving; `../options.ts` has them among its own. */
export const TFS_OPTIONS = {
  tfs_signature: {
    kind: 'text',
    default: 'serving_default',
    describe: "Which signature of TensorFlow Serving's models is called when a request names none",
  },
} as const;
