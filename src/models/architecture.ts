import type { Dtype } from '../types.ts';
import type { ExportPorts } from './exports/interface.ts';
import type { QuantisedTensor } from './quantise.ts';
import type { Rotary } from './rotary.ts';

/** What the engine needs to know of a model, and its scoring graph. */
export interface Architecture {
  readonly name: string;
  /** Tokens that the model can be fed at once. */
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly layers: number;
  /** Heads that keep keys and values, and the width of each. */
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Rotary position embedding, computed outside the graph; null where positions are learned. */
  readonly rotary: Rotary | null;
  /** False where every request is to be run by itself and whole: see PlanLimits. True unless told. */
  readonly shares?: boolean;
  /** Of a model that is an ONNX export: what its graph is fed and gives. */
  readonly exported?: ExportPorts;
  graph(options: GraphOptions): ScoringGraph;
}

export interface GraphOptions {
  /** The locations of external tensors are relative to this folder. */
  readonly weightFolder: string;
  readonly dtype: Dtype;
  /** Where the weights in 8-bit blocks will lie when the model is loaded; only int8 needs it. */
  readonly quantisedFile: string;
}

export interface ScoringGraph {
  /** Serialised ONNX model; weights lie outside. */
  readonly model: Uint8Array;
  /** Tensors that are computed from the checkpoint's when the model is loaded, and the file that they go to. */
  readonly quantised: { readonly file: string; readonly tensors: readonly QuantisedTensor[] };
}
