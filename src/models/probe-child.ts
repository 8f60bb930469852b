import * as ort from 'onnxruntime-node';
import type { Device } from '../types.ts';
import { GraphBuilder } from './onnx/graph.ts';
import type { DeviceProbe } from './probe.ts';

/**
 * Runs as a process of its own, because a driver may crash it: multiplies matrices on a device, compares the product
 * with the CPU's and takes the time. Started by probe.ts; answers with one message.
 */

/** Rows, and width of a square matrix that they are multiplied with DEPTH times over. */
const [ROWS, WIDTH, DEPTH] = [256, 1024, 4];
const REPEATS = 5;
/** No further run is begun after this long. */
const ENOUGH_MS = 1000;
/** Largest error allowed in the sums, as a share of the largest. */
const TOLERANCE = 1e-3;

function chain(): Uint8Array {
  const graph = new GraphBuilder();
  graph.input('a', 'float32', [ROWS, WIDTH]);
  graph.input('b', 'float32', [WIDTH, WIDTH]);
  let value = 'a';
  for (let i = 0; i < DEPTH; i++) value = graph.node('MatMul', [value, 'b']);
  // Sums of rows: fetching the product would take longer than computing it.
  graph.output(graph.node('ReduceSum', [value, graph.constant('int64', [1])], {}, 'sums'), 'float32', [
    ROWS,
    1,
  ]);
  return graph.build();
}

/** Numbers in [-scale, scale], the same everywhere. */
function fill(n: number, seed: number, scale: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => (((i * seed) % 1009) / 504 - 1) * scale);
}

/** Sums of the product's rows, and GFLOP/s. */
async function run(device: Device): Promise<{ readonly sums: Float32Array; readonly rate: number }> {
  const session = await ort.InferenceSession.create(chain(), {
    executionProviders: [device],
    logSeverityLevel: 4,
  });
  const feeds = {
    a: new ort.Tensor('float32', fill(ROWS * WIDTH, 31, 1), [ROWS, WIDTH]),
    b: new ort.Tensor('float32', fill(WIDTH * WIDTH, 17, 0.05), [WIDTH, WIDTH]),
  };
  const start = performance.now();
  let best = Infinity;
  let sums = new Float32Array(0);
  for (let i = 0; i <= REPEATS && (i < 2 || performance.now() - start < ENOUGH_MS); i++) {
    const began = performance.now();
    sums = (await session.run(feeds)).sums!.data as Float32Array<ArrayBuffer>;
    // The first run also compiles.
    if (i > 0) best = Math.min(best, performance.now() - began);
  }
  await session.release();
  return { sums, rate: (2 * ROWS * WIDTH * WIDTH * DEPTH) / best / 1e6 };
}

async function probe(device: Device): Promise<DeviceProbe> {
  const [reference, found] = [await run('cpu'), await run(device)];
  const size = Math.max(...reference.sums.map(Math.abs));
  const error = Math.max(...found.sums.map((sum, i) => Math.abs(sum - reference.sums[i]!))) / size;
  if (!(error < TOLERANCE)) {
    return {
      device,
      problem: `a matrix product is off by ${(100 * error).toPrecision(2)} %`,
      rate: 0,
      cpuRate: 0,
    };
  }
  return { device, problem: null, rate: found.rate, cpuRate: reference.rate };
}

process.on('message', (device: Device) => {
  probe(device)
    .catch((error: unknown) => ({
      device,
      problem: error instanceof Error ? error.message : String(error),
      rate: 0,
      cpuRate: 0,
    }))
    .then((answer) => process.send?.(answer, () => process.exit(0)));
});
