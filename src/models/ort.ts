import { rm } from 'node:fs/promises';
import * as ort from 'onnxruntime-node';
import type { Device, ForwardResult, ForwardStep } from '../types.ts';
import type { ScoringGraph } from './architecture.ts';
import { writeQuantised } from './quantise.ts';
import { type Rotary, rotaryTables } from './rotary.ts';
import { emptyTrunk, extend, free, type Trunk, type TrunkShape, widen, write } from './trunks.ts';

/**
 * A session of onnxruntime over a scoring graph (src/models/blocks.ts), and the trunks whose keys and values later
 * steps build on.
 */
export interface SessionOptions extends TrunkShape {
  readonly graph: ScoringGraph;
  readonly weightFolder: string;
  readonly vocabularySize: number;
  readonly rotary: Rotary | null;
  readonly device: Device;
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

/** A trunk's tokens are visible to every token behind them. */
const ALWAYS_OPEN = 2 ** 30;

export async function openSession(options: SessionOptions): Promise<Session> {
  const { layers, keyValueHeads: heads, headSize: size, vocabularySize, rotary } = options;
  const { file, tensors } = options.graph.quantised;
  if (tensors.length > 0) await writeQuantised(file, tensors);
  const session = await ort.InferenceSession.create(options.graph.model, {
    executionProviders: [options.device],
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
  }).finally(() => discard(file));
  const empty = emptyTrunk(options);
  const topOne = new ort.Tensor('int64', BigInt64Array.of(1n), [1]);
  const noBan = new ort.Tensor('float32', new Float32Array(0), [0, vocabularySize]);
  const windowed = session.inputNames.includes('positions_k');
  const keyValueNames = Array.from({ length: layers }, (_, i) => [`key_${i}`, `value_${i}`]).flat();
  const trunks = new Map<number, Trunk>();
  const trunk = (id: number): Trunk => {
    const found = id < 0 ? empty : trunks.get(id);
    if (!found) throw new Error(`trunk ${id} is asked for but was not kept`);
    return found;
  };

  return {
    async forward(step) {
      const past = trunk(step.past);
      const allowed = step.banned ? ['allowed_ids'] : [];
      const scores = step.rows.length > 0 ? ['logprobs', 'top_ids', 'top_logprobs', ...allowed] : [];
      const keeps = step.keep >= 0 || step.write !== undefined;
      const output = await session.run(feeds(step, past), keeps ? [...scores, ...keyValueNames] : scores);
      if (keeps) {
        const added = newTokens(step, output);
        if (step.keep >= 0) trunks.set(step.keep, extend(past, added, options));
        if (step.write) write(past, step.write, added, options);
      }
      const ids = (name: string): Int32Array =>
        Int32Array.from((output[name]?.data as BigInt64Array | undefined) ?? [], Number);
      const floats = (name: string): Float32Array =>
        (output[name]?.data as Float32Array | undefined) ?? new Float32Array(0);
      return {
        logprobs: floats('logprobs'),
        topIds: ids('top_ids'),
        topLogprobs: floats('top_logprobs'),
        allowedIds: ids('allowed_ids'),
      };
    },
    allocate(cache, columns, from) {
      trunks.set(cache, widen(trunk(from), columns, options));
    },
    release(id) {
      free(trunk(id));
      trunks.delete(id);
    },
    async close() {
      await session.release();
      await discard(file);
    },
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
    if (windowed) {
      const positions = new Int32Array(p + s);
      positions.set(past.positions);
      positions.set(step.positions, p);
      inputs.positions_k = int32(positions);
    }
    if (rotary) {
      const { cos, sin } = rotaryTables(rotary, step.positions);
      inputs.rope_cos = new ort.Tensor('float32', cos, [s, cos.length / s]);
      inputs.rope_sin = new ort.Tensor('float32', sin, [s, sin.length / s]);
    }
    for (let i = 0; i < layers; i++) {
      inputs[`past_key_${i}`] = new ort.Tensor('float32', past.keys[i]!, [heads, size, p]);
      inputs[`past_value_${i}`] = new ort.Tensor('float32', past.values[i]!, [heads, p, size]);
    }
    return inputs;
  }

  /** Minus infinity at the banned ids: added to the logits, it takes them out of the second arg-max. */
  function banMask(banned: Int32Array): ort.Tensor {
    const mask = new Float32Array(vocabularySize);
    for (const id of banned) mask[id] = -Infinity;
    return new ort.Tensor('float32', mask, [1, vocabularySize]);
  }

  function newTokens(step: ForwardStep, output: ort.InferenceSession.OnnxValueMapType): Trunk {
    const data = (name: string, i: number): Float32Array => output[`${name}_${i}`]!.data as Float32Array;
    return {
      length: step.ids.length,
      positions: step.positions,
      keys: Array.from({ length: layers }, (_, i) => data('key', i)),
      values: Array.from({ length: layers }, (_, i) => data('value', i)),
    };
  }
}

/** Deletes the quantised weights: once mapped they need no name, but some systems keep an open file until it closes. */
async function discard(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => {});
}
