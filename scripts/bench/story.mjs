/** The transform of `npm run bench -- gateway-story`; kserve_story.py does the same work for KServe's transformer. */
export const inputs = [{ name: 'wanted', datatype: 'INT32', shape: [1] }];
export const outputs = [{ name: 'class', datatype: 'INT32', shape: [1] }];

const PICTURE = Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => Math.sin(i));

/** A number → a normalised picture whose largest of the first thousand values is at that place. */
export function preprocess(request, { values }) {
  const [wanted] = values(request.inputs[0]);
  const image = new Float32Array(PICTURE.length);
  for (let i = 0; i < image.length; i += 1) image[i] = (PICTURE[i] - 0.5) / 0.25;
  image[wanted] = 99;
  const data = new Uint8Array(image.buffer);
  return { ...request, inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 224, 224, 3], data }] };
}

/** A thousand scores → the place of the best. */
export function postprocess(response, _request, { values, tensor }) {
  const scores = values(response.outputs[0]);
  let best = 0;
  for (let i = 1; i < scores.length; i += 1) if (scores[i] > scores[best]) best = i;
  return { ...response, outputs: [tensor('class', 'INT32', [1], [best])] };
}
