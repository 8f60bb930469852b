import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from '../../src/models/onnx/graph.ts';

/** The four matrix products of a GPT-2 124M layer: [in, out]. */
const LAYER: readonly (readonly [inner: number, outer: number])[] = [
  [768, 2304],
  [768, 768],
  [768, 3072],
  [3072, 768],
];
const ROWS = [128, 256, 512];
const REPEATS = 6;
const RUNS = 15;

/** What this machine multiplies matrices at through the same runtime, in FLOP/s. */
export interface Peak {
  /** The fastest single shape. */
  readonly best: number;
  /** The four products of a layer in their proportions, at the best number of rows. */
  readonly layer: number;
}

/** Measures products with pre-packed weights alone: medians of several runs, the best over numbers of rows. */
export async function matmulPeak(threads: number): Promise<Peak> {
  const folder = mkdtempSync(join(tmpdir(), 'evalgpt-peak-'));
  let best = 0;
  let layer = 0;
  try {
    for (const rows of ROWS) {
      let flops = 0;
      let seconds = 0;
      for (const [inner, outer] of LAYER) {
        const work = 2 * rows * inner * outer;
        const time = await productTime(folder, rows, inner, outer, threads);
        best = Math.max(best, work / time);
        flops += work;
        seconds += time;
      }
      layer = Math.max(layer, flops / seconds);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { best, layer };
}

async function productTime(
  folder: string,
  rows: number,
  inner: number,
  outer: number,
  threads: number,
): Promise<number> {
  const size = inner * outer;
  const weights = Float32Array.from({ length: size * REPEATS }, (_, i) => (((i * 7919) % 1009) - 504) / 5040);
  writeFileSync(join(folder, 'weights'), weights);
  const b = new GraphBuilder();
  b.input('x', 'float32', [rows, inner]);
  // Several products a run, so that the call itself does not count; each is reduced, so that none can be left out.
  const products = Array.from({ length: REPEATS }, (_, i) => {
    const at = { location: 'weights', offset: 4 * size * i, length: 4 * size };
    return b.node('ReduceMax', [b.node('MatMul', ['x', b.external(`w${i}`, 'float32', [inner, outer], at)])]);
  });
  b.output(b.node('Sum', products, {}, 'y'), 'float32', [1, 1]);
  const session = await InferenceSession.create(b.build(), {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: folder } },
  });
  const x = new Tensor('float32', new Float32Array(rows * inner).fill(0.01), [rows, inner]);
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    await session.run({ x });
    times.push((performance.now() - began) / 1000 / REPEATS);
  }
  await session.release();
  return times.sort((a, b) => a - b)[RUNS >> 1]!;
}
