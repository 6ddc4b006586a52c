// Has nothing but this one hook: what it gets and asks is what stands behind it.
export async function explain(request, { infer, texts, tensor, metadata }) {
  const { outputs } = await infer({ inputs: [tensor('text', 'BYTES', [1], ['other'])] });
  return {
    got: texts(request.inputs[0]),
    answered: texts(outputs[0]),
    behind: metadata.inputs.map(({ name }) => name),
  };
}
