/** Scores of classes → the best few with their labels, so that clients get ten words in place of a thousand floats. */
import { readFileSync } from 'node:fs';
import type { TensorMetadata } from '../../protocol/infer.ts';
import type { ClassifyOptions, Transform } from '../transform.ts';

const outputs = (topK: number): readonly TensorMetadata[] => [
  { name: 'label', datatype: 'BYTES', shape: [-1, topK] },
  { name: 'score', datatype: 'FP32', shape: [-1, topK] },
];

export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** @throws Error naming the labels file that cannot be read */
export function classify({ topK, labelsFile, softmax }: ClassifyOptions): Transform {
  const labels = labelsFile === undefined ? [] : readLabels(labelsFile);
  return {
    outputs: outputs(topK),
    postprocess(response, _request, { tensor, values }) {
      const [scores, ...more] = response.outputs;
      if (!scores || more.length > 0)
        throw new Error(`the model gave ${response.outputs.length} outputs, and one of scores is wanted`);
      const all = values(scores).map(Number);
      const classes = scores.shape.at(-1) ?? all.length;
      const rows = classes === 0 ? 0 : all.length / classes;
      const best = Array.from({ length: rows }, (_, row) => {
        const own = all.slice(row * classes, (row + 1) * classes);
        return bestOf(softmax ? softmaxOf(own) : own, topK);
      });
      const shape = [rows, Math.min(topK, classes)];
      const named = best.flat().map(({ index }) => labels[index] ?? String(index));
      const given = best.flat().map(({ score }) => score);
      return { ...response, outputs: [tensor('label', 'BYTES', shape, named), tensor('score', 'FP32', shape, given)] };
    },
  };
}

function readLabels(file: string): readonly string[] {
  return readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
}

/** The `count` highest, best first; of equals the lower class first. */
export function bestOf(scores: readonly number[], count: number): readonly Ranked[] {
  const ranked = scores.map((score, index) => ({ index, score }));
  return ranked.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, count);
}

/** Shifted by the highest, so that nothing overflows. */
export function softmaxOf(scores: readonly number[]): readonly number[] {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((each) => Math.exp(each - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((each) => each / sum);
}
