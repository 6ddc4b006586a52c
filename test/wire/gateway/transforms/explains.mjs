// Explains by asking the model, in the way that the first word says.
export const inputs = [{ name: 'text', datatype: 'BYTES', shape: [-1] }];

const upper = (request, { tensor, texts }) => {
  const words = texts(request.inputs[0]).map((each) => each.toUpperCase());
  return tensor('IN', 'BYTES', [words.length], words);
};

export const preprocess = (request, context) => ({ ...request, inputs: [upper(request, context)] });

const WAYS = {
  async ECHO(request, { infer, texts }) {
    const { outputs } = await infer({ inputs: request.inputs });
    return { explanations: texts(outputs[0]), big: 2n ** 60n };
  },
  async MANY({ inputs }, { infer, texts }) {
    const calls = Array.from({ length: Number(texts(inputs[0])[1]) }, () => infer({ inputs }));
    return { asked: (await Promise.all(calls)).length };
  },
  async CATCH({ inputs }, { infer }) {
    const failure = await infer({ inputs }).catch((error) => error);
    return { status: failure.status, message: failure.message };
  },
  // Leaves a call behind.
  LEAVE({ inputs }, { infer }) {
    void infer({ inputs });
    return {};
  },
  LOOP() {
    for (;;);
  },
  NOTHING() {},
  SPOIL: (_request, { infer }) => infer(undefined),
};

export const explain = (request, context) => WAYS[context.texts(request.inputs[0])[0]](request, context);
