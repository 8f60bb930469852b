import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';
import { type Checkpoint, readJson } from '../checkpoint.ts';
import { readConfig } from '../config.ts';
import type { ExportFile } from './find.ts';
import { appendHead } from './head.ts';
import { readInterface } from './interface.ts';
import { placeWeights, readOnnx } from './read.ts';

/** Names under which a config.json tells the tokens of a window, and the sizes of a model. */
const WINDOW = ['n_positions', 'max_position_embeddings', 'n_ctx', 'max_seq_len', 'max_sequence_length'];
const LAYERS = ['n_layer', 'num_hidden_layers', 'num_layers'];
const HEADS = ['num_key_value_heads', 'n_head', 'num_attention_heads', 'num_heads'];
const WIDTH = ['n_embd', 'hidden_size', 'd_model'];

/**
 * Reads an export as a model: its config.json, where its weights lie, and its graph with the scoring head behind
 * the logits. The weights stay where they are.
 * @throws UserError where it is not an export of a causal language model that can be scored
 */
export async function readExport({
  file,
  folder,
}: ExportFile): Promise<{ checkpoint: Checkpoint; architecture: Architecture }> {
  const config = await readJson(join(folder, 'config.json'));
  const { model, tensors, files } = await readOnnx(file);
  const graph = model.graph!;
  const ports = readInterface(file, graph);
  const checkpoint: Checkpoint = { folder, config, tensors, weightFiles: files };

  const reader = readConfig(checkpoint);
  const count = (names: readonly string[]): number | undefined => {
    const name = names.find((key) => typeof config[key] === 'number');
    return name === undefined ? undefined : reader.count(name);
  };
  const contextLength = count(WINDOW);
  if (contextLength === undefined) {
    throw new UserError(
      `${folder}/config.json: expected the window's length under one of ${WINDOW.join(', ')}`,
    );
  }
  const vocabularySize = ports.vocabularySize ?? reader.count('vocab_size');
  const heads = count(HEADS) ?? 1;
  const fed = ports.past.length > 0;

  // The keys and values that a run gives are asked only where they can go into another.
  const results = new Set(ports.reused ? ports.past.map(({ output }) => output) : []);
  graph.output = graph.output.filter(({ name }) => name === 'logits' || results.has(name));
  const { logitsType, independent } = ports;
  const { prefix } = appendHead(graph, { vocabularySize, logitsType, gather: independent });
  return {
    checkpoint,
    architecture: {
      name: `onnx:${typeof config.model_type === 'string' ? config.model_type : 'unknown'}`,
      contextLength,
      vocabularySize,
      layers: fed ? ports.past.length / 2 : (count(LAYERS) ?? 1),
      keyValueHeads: fed ? ports.heads : heads,
      headSize: fed ? ports.headSize : Math.max(1, Math.floor((count(WIDTH) ?? heads) / heads)),
      shares: ports.reused,
      exported: { ports, prefix },
      rotary: null,
      graph: ({ weightFolder, quantisedFile }) => ({
        model: placeWeights(model, weightFolder),
        quantised: { file: quantisedFile, tensors: [] },
      }),
    },
  };
}
