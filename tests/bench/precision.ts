import { openModel } from '../../src/models/open.ts';
import { random } from '../../src/stats/random.ts';
import type { Backend, Dtype, ForwardStep } from '../../src/types.ts';

/**
 * int8 against fp32: npx tsx tests/bench/precision.ts MODEL
 * CPU time of one thread, the precisions interleaved round by round in one process, medians of five.
 */
const [ref] = process.argv.slice(2);
if (ref === undefined) throw new Error('usage: precision.ts MODEL');
const SIZES = [8, 64, 256, 512];
const ROUNDS = 5;
const DTYPES: readonly Dtype[] = ['fp32', 'int8'];

const draw = random('precision', 1);
const model = await openModel(ref, { threads: 1 });
const backends = new Map<Dtype, Backend>();
for (const dtype of DTYPES) {
  const began = performance.now();
  backends.set(dtype, await model.open({ device: 'cpu', dtype, tokensToCompute: Number.MAX_SAFE_INTEGER }));
  console.log(`${dtype}: loaded in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}
for (const size of SIZES.filter((n) => n <= model.contextLength)) {
  const places = Int32Array.from({ length: size }, (_, i) => i);
  const rows = places.slice(Math.floor(0.9 * size));
  const step: ForwardStep = {
    ids: Int32Array.from(places, () => draw.below(model.architecture.vocabularySize)),
    positions: places,
    enter: places,
    exit: new Int32Array(size).fill(size),
    past: -1,
    keep: -1,
    rows,
    pairRow: Int32Array.from(rows, (_, i) => i),
    pairTarget: Int32Array.from(rows, () => 5),
  };
  const times = new Map<Dtype, number[]>(DTYPES.map((dtype) => [dtype, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [dtype, backend] of backends) {
      const before = process.cpuUsage();
      await backend.forward(step);
      const { user, system } = process.cpuUsage(before);
      // The first round also touches the memory for the first time.
      if (round > 0) times.get(dtype)!.push((user + system) / 1000);
    }
  }
  const [fp32, int8] = DTYPES.map((dtype) => times.get(dtype)!.sort((a, b) => a - b)[ROUNDS >> 1]!);
  console.log(
    `${size} tokens: fp32 ${fp32!.toFixed(0)} ms, int8 ${int8!.toFixed(0)} ms, ratio ${(fp32! / int8!).toFixed(2)}`,
  );
}
for (const backend of backends.values()) await backend.close();
