import { UserError } from '../errors.ts';
import { gpt2 } from './architectures/gpt2.ts';
import type { Checkpoint } from './checkpoint.ts';

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

/**
 * Finds the architecture that a checkpoint's config.json names.
 * @throws UserError for an architecture or a switch that is not supported: never ignored.
 */
export function architectureOf(checkpoint: Checkpoint): Architecture {
  const type = checkpoint.config.model_type;
  switch (type) {
    case 'gpt2':
      return gpt2(checkpoint);
    default:
      throw new UserError(
        `${checkpoint.folder}/config.json: model_type ${JSON.stringify(type)} is not supported, expected "gpt2"`,
      );
  }
}
