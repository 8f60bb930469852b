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
  /** Serialised ONNX model; the locations of its external tensors are relative to `weightFolder`. */
  graph(weightFolder: string): Uint8Array;
}
