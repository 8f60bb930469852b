import * as ort from 'onnxruntime-node';
import type { ForwardResult, ForwardStep } from '../types.ts';

/**
 * The one file that imports onnxruntime-node: a session over a scoring graph (src/models/blocks.ts), and the
 * trunks whose keys and values later steps build on.
 */
export interface SessionOptions {
  readonly graph: Uint8Array;
  readonly weightFolder: string;
  readonly layers: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly vocabularySize: number;
  readonly threads: number;
  /** Copy the weights into the layout that matrix products like best. */
  readonly prepack: boolean;
}

export interface Session {
  forward(step: ForwardStep): Promise<ForwardResult>;
  allocate(cache: number, columns: number, from: number): void;
  release(trunk: number): void;
  close(): Promise<void>;
}

/** Keys [H, D, P] and values [H, P, D] of a trunk of P tokens, a pair a layer. */
interface Trunk {
  readonly length: number;
  readonly keys: readonly ort.Tensor[];
  readonly values: readonly ort.Tensor[];
}

/** A trunk's tokens are visible to every token behind them. */
const ALWAYS_OPEN = 2 ** 30;

export async function openSession(options: SessionOptions): Promise<Session> {
  const { layers, keyValueHeads: heads, headSize: size, vocabularySize } = options;
  const session = await ort.InferenceSession.create(options.graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.threads,
    // Shapes change from step to step: memory patterns would only hold memory.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      session: {
        model_external_initializers_file_folder_path: options.weightFolder,
        disable_prepacking: options.prepack ? '0' : '1',
      },
    },
  });
  const noKeys = new ort.Tensor('float32', new Float32Array(0), [heads, size, 0]);
  const noValues = new ort.Tensor('float32', new Float32Array(0), [heads, 0, size]);
  const empty: Trunk = { length: 0, keys: Array(layers).fill(noKeys), values: Array(layers).fill(noValues) };
  const topOne = new ort.Tensor('int64', BigInt64Array.of(1n), [1]);
  const noBan = new ort.Tensor('float32', new Float32Array(0), [0, vocabularySize]);
  const trunks = new Map<number, Trunk>();

  return {
    async forward(step) {
      const past = step.past < 0 ? empty : trunks.get(step.past);
      if (!past) throw new Error(`trunk ${step.past} is asked for but was not kept`);
      const keyValueNames = Array.from({ length: layers }, (_, i) => [`key_${i}`, `value_${i}`]).flat();
      const allowed = step.banned ? ['allowed_ids'] : [];
      const scores = step.rows.length > 0 ? ['logprobs', 'top_ids', 'top_logprobs', ...allowed] : [];
      const fetched = step.keep < 0 && !step.write ? scores : [...scores, ...keyValueNames];
      const output = await session.run(feeds(step, past), fetched);
      if (step.keep >= 0) {
        trunks.set(step.keep, extend(past, step.ids.length, output));
      }
      if (step.write) write(past, step.write, output);
      if (scores.length === 0) {
        const none = new Int32Array(0);
        return {
          logprobs: new Float32Array(0),
          topIds: none,
          topLogprobs: new Float32Array(0),
          allowedIds: none,
        };
      }
      return {
        logprobs: output.logprobs!.data as Float32Array,
        topIds: Int32Array.from(output.top_ids!.data as BigInt64Array, Number),
        topLogprobs: output.top_logprobs!.data as Float32Array,
        allowedIds: Int32Array.from((output.allowed_ids?.data as BigInt64Array | undefined) ?? [], Number),
      };
    },
    allocate(cache, columns, from) {
      const old = from < 0 ? empty : trunks.get(from);
      if (!old) throw new Error(`trunk ${from} is asked for but was not kept`);
      trunks.set(cache, widen(old, columns));
    },
    release(trunk) {
      const { keys, values } = trunks.get(trunk) ?? empty;
      trunks.delete(trunk);
      // Moving the buffers into a message that nobody reads frees them now, not at some later garbage collection.
      const buffers = [...keys, ...values].flatMap((tensor) =>
        tensor.dims.includes(0) ? [] : [bufferOf(tensor)],
      );
      structuredClone(undefined, { transfer: buffers });
    },
    close: () => session.release(),
  };

  function feeds(step: ForwardStep, past: Trunk): Record<string, ort.Tensor> {
    const s = step.ids.length;
    const p = past.length;
    const enterKeys = new Int32Array(p + s);
    const exitKeys = new Int32Array(p + s).fill(ALWAYS_OPEN, 0, p);
    if (step.pastView) {
      enterKeys.set(step.pastView.enter);
      exitKeys.set(step.pastView.exit);
    }
    enterKeys.set(step.enter, p);
    exitKeys.set(step.exit, p);
    const n = step.pairRow.length;
    const pairs = new BigInt64Array(2 * n);
    for (let i = 0; i < n; i++) {
      pairs[2 * i] = BigInt(step.pairRow[i]!);
      pairs[2 * i + 1] = BigInt(step.pairTarget[i]!);
    }
    const int32 = (data: Int32Array): ort.Tensor => new ort.Tensor('int32', data, [data.length]);
    const inputs: Record<string, ort.Tensor> = {
      ids: int32(step.ids),
      positions: int32(step.positions),
      enter_q: int32(step.enter),
      enter_k: int32(enterKeys),
      exit_k: int32(exitKeys),
      // No rows at all would crash the runtime's TopK (1.30.0): a step that only keeps a trunk asks one and drops it.
      rows: int32(step.rows.length > 0 ? step.rows : new Int32Array(1)),
      pairs: new ort.Tensor('int64', pairs, [n, 2]),
      top_k:
        step.topK === undefined ? topOne : new ort.Tensor('int64', BigInt64Array.of(BigInt(step.topK)), [1]),
      ban: step.banned ? banMask(step.banned) : noBan,
    };
    for (let i = 0; i < layers; i++) {
      inputs[`past_key_${i}`] = past.keys[i]!;
      inputs[`past_value_${i}`] = past.values[i]!;
    }
    return inputs;
  }

  /** Minus infinity at the banned ids: added to the logits, it takes them out of the second arg-max. */
  function banMask(banned: Int32Array): ort.Tensor {
    const mask = new Float32Array(vocabularySize);
    for (const id of banned) mask[id] = -Infinity;
    return new ort.Tensor('float32', mask, [1, vocabularySize]);
  }

  /** A copy with more columns; the added ones are zero. */
  function widen(old: Trunk, columns: number): Trunk {
    const copy = (tensor: ort.Tensor, rows: number, width: number, dims: readonly number[]): ort.Tensor => {
      const [from, to] = [tensor.data as Float32Array, new Float32Array(heads * size * columns)];
      const [short, long] = [old.length * width, columns * width];
      for (let r = 0; r < rows; r++) to.set(from.subarray(r * short, (r + 1) * short), r * long);
      return new ort.Tensor('float32', to, dims);
    };
    return {
      length: columns,
      keys: old.keys.map((tensor) => copy(tensor, heads * size, 1, [heads, size, columns])),
      values: old.values.map((tensor) => copy(tensor, heads, size, [heads, columns, size])),
    };
  }

  function extend(past: Trunk, added: number, output: ort.InferenceSession.OnnxValueMapType): Trunk {
    const length = past.length + added;
    const keys: ort.Tensor[] = [];
    const values: ort.Tensor[] = [];
    for (let i = 0; i < layers; i++) {
      const key = output[`key_${i}`] as ort.Tensor;
      const value = output[`value_${i}`] as ort.Tensor;
      keys.push(past.length === 0 ? key : join(past.keys[i]!, key, heads * size, [heads, size, length]));
      values.push(past.length === 0 ? value : join(past.values[i]!, value, heads, [heads, length, size]));
    }
    return { length, keys, values };
  }
}

function bufferOf(tensor: ort.Tensor): ArrayBuffer {
  return (tensor.data as Float32Array).buffer as ArrayBuffer;
}

/** Puts the keys and values of new tokens into columns of a cache, in place. */
function write(cache: Trunk, columns: Int32Array, output: ort.InferenceSession.OnnxValueMapType): void {
  for (const [i, keys] of cache.keys.entries()) {
    const [heads, size] = keys.dims as [number, number];
    const [keyTo, valueTo] = [keys.data as Float32Array, cache.values[i]!.data as Float32Array];
    const keyFrom = output[`key_${i}`]!.data as Float32Array;
    const valueFrom = output[`value_${i}`]!.data as Float32Array;
    const added = columns.length;
    for (let row = 0; row < heads * size; row++) {
      for (let s = 0; s < added; s++) keyTo[row * cache.length + columns[s]!] = keyFrom[row * added + s]!;
    }
    for (let head = 0; head < heads; head++) {
      for (let s = 0; s < added; s++) {
        const from = (head * added + s) * size;
        valueTo.set(valueFrom.subarray(from, from + size), (head * cache.length + columns[s]!) * size);
      }
    }
  }
}

/** Concatenates two tensors whose leading dimensions make `rows` rows, row by row. */
function join(a: ort.Tensor, b: ort.Tensor, rows: number, dims: readonly number[]): ort.Tensor {
  const left = a.data as Float32Array;
  const right = b.data as Float32Array;
  const [wide, added] = [left.length / rows, right.length / rows];
  const joined = new Float32Array(left.length + right.length);
  for (let r = 0; r < rows; r++) {
    joined.set(left.subarray(r * wide, (r + 1) * wide), r * (wide + added));
    joined.set(right.subarray(r * added, (r + 1) * added), r * (wide + added) + wide);
  }
  return new ort.Tensor('float32', joined, dims);
}
