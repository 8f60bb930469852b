import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { openScorer, type PairScore } from '../../src/evaluate/scorer.ts';
import { commonFolder, readCheckpoint } from '../../src/models/checkpoint.ts';
import { GraphBuilder } from '../../src/models/onnx/graph.ts';
import { ModelSchema, TensorSchema } from '../../src/models/onnx/onnx_pb.ts';
import type { Pair } from '../../src/types.ts';

/**
 * Ours against @huggingface/transformers, the JavaScript library that runs the same models on the same runtime. It has
 * no log-likelihoods: its model is called on batches of padded requests and the log-softmax is taken here from the
 * logits that it returns. It needs an ONNX export, which is written here in its layout: a plain GPT-2 with fused
 * causal attention that returns all logits.
 *
 * usage: npx tsx tests/bench/transformers-js.ts MODEL REQUESTS.jsonl PACKAGE_FOLDER [EXPORT_FOLDER]
 * where npm install @huggingface/transformers was run in PACKAGE_FOLDER
 */
const [model, input, packages, exported = join(packages ?? '.', 'export')] = process.argv.slice(
  2,
) as string[];
const BATCH = 8;
const ROUNDS = 3;

const pairs = readFileSync(input!, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Pair);
await writeExport(model!, join(exported, 'gpt2'));
const theirs = await openTheirs();
const [ours, other]: [number[], number[]] = [[], []];
let difference = 0;
for (let round = 0; round < ROUNDS; round++) {
  let load = 0;
  const scorer = await openScorer(model!, {
    onReady: (_, seconds) => {
      load = seconds;
    },
  });
  let began = performance.now();
  const scores = (await scorer.score(pairs)) as PairScore[];
  ours.push((performance.now() - began) / 1000 - load);
  await scorer.close();
  began = performance.now();
  const sums = await theirs(pairs);
  other.push((performance.now() - began) / 1000);
  difference = Math.max(...scores.map((s, i) => Math.abs(s.logprob - sums[i]!)));
}
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
console.log(
  `${pairs.length} requests, scoring alone: ours ${median(ours).toFixed(2)} s, transformers.js ${median(other).toFixed(2)} s: ${(median(other) / median(ours)).toFixed(1)} x; largest difference ${difference.toExponential(1)} nats`,
);

/** Loads the library's model and returns what sums log-probabilities with it, in batches of similar length. */
async function openTheirs(): Promise<(pairs: readonly Pair[]) => Promise<number[]>> {
  const entry = createRequire(join(resolve(packages!), 'x.js')).resolve('@huggingface/transformers');
  // biome-ignore lint/suspicious/noExplicitAny: the library is not a dependency, so its types are not here
  const library = (await import(pathToFileURL(entry).href)) as any;
  Object.assign(library.env, {
    allowRemoteModels: false,
    allowLocalModels: true,
    localModelPath: resolve(exported),
  });
  const tokenizer = await library.AutoTokenizer.from_pretrained('gpt2');
  const session_options = { intraOpNumThreads: availableParallelism() };
  const causal = await library.AutoModelForCausalLM.from_pretrained('gpt2', {
    dtype: 'fp32',
    device: 'cpu',
    session_options,
  });
  return async (list) => {
    const items = list.map(({ context, continuation }, index) => {
      const ids = tokenizer.encode(context + continuation) as number[];
      return { index, ids, start: (tokenizer.encode(context) as number[]).length };
    });
    items.sort((a, b) => b.ids.length - a.ids.length);
    const sums: number[] = [];
    for (let at = 0; at < items.length; at += BATCH) {
      const batch = items.slice(at, at + BATCH);
      const width = batch[0]!.ids.length - 1;
      const ids = new BigInt64Array(batch.length * width);
      const mask = new BigInt64Array(batch.length * width);
      for (const [row, item] of batch.entries()) {
        for (let i = 0; i < item.ids.length - 1; i++) {
          ids[row * width + i] = BigInt(item.ids[i]!);
          mask[row * width + i] = 1n;
        }
      }
      const dims = [batch.length, width];
      const { logits } = await causal({
        input_ids: new library.Tensor('int64', ids, dims),
        attention_mask: new library.Tensor('int64', mask, dims),
      });
      const vocabulary = logits.dims[2] as number;
      for (const [row, item] of batch.entries()) {
        let sum = 0;
        for (let i = item.start; i < item.ids.length; i++) {
          const from = (row * width + i - 1) * vocabulary;
          const scores = (logits.data as Float32Array).subarray(from, from + vocabulary);
          const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
          sum +=
            scores[item.ids[i]!]! - top - Math.log(scores.reduce((total, s) => total + Math.exp(s - top), 0));
        }
        sums[item.index] = sum;
      }
    }
    return sums;
  };
}

/** Writes a GPT-2 checkpoint as the library wants it: config and tokenizer, and onnx/model.onnx with its weights. */
async function writeExport(checkpointFolder: string, folder: string): Promise<void> {
  const checkpoint = await readCheckpoint(checkpointFolder);
  const { n_layer: layers, n_head: heads, n_embd: width = 768 } = checkpoint.config as Record<string, number>;
  const b = new GraphBuilder();
  const weight = (name: string): string => {
    const { shape } = checkpoint.tensors.get(`transformer.${name}`)!;
    return b.external(`transformer.${name}`, 'float32', shape, { location: '', offset: 0, length: 0 });
  };
  const norm = (x: string, name: string): string =>
    b.node('LayerNormalization', [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
      axis: -1,
      epsilon: { float: 1e-5 },
    });
  const linear = (x: string, name: string): string =>
    b.node('Add', [b.node('MatMul', [x, weight(`${name}.weight`)]), weight(`${name}.bias`)]);
  b.input('input_ids', 'int64', ['B', 'S']);
  b.input('attention_mask', 'int64', ['B', 'S']);
  const length = b.node('Gather', [b.node('Shape', ['input_ids']), b.constant('int64', [1], [])]);
  const positions = b.node('Range', [b.constant('int64', [0], []), length, b.constant('int64', [1], [])]);
  let h = b.node('Add', [
    b.node('Gather', [weight('wte.weight'), 'input_ids']),
    b.node('Gather', [weight('wpe.weight'), positions]),
  ]);
  for (let i = 0; i < layers!; i++) {
    const qkv = linear(norm(h, `h.${i}.ln_1`), `h.${i}.attn.c_attn`);
    // Padding stands at the end, so the causal mask is all that attention needs.
    const mixed = b.node('MultiHeadAttention', b.split(qkv, [width, width, width], 2), {
      num_heads: heads!,
      unidirectional: 1,
    });
    h = b.node('Add', [h, linear(mixed, `h.${i}.attn.c_proj`)]);
    const up = b.node('Gelu', [linear(norm(h, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)], { approximate: 'tanh' });
    h = b.node('Add', [h, linear(up, `h.${i}.mlp.c_proj`)]);
  }
  const head = b.node('Transpose', [weight('wte.weight')], { perm: [1, 0] });
  b.output(b.node('MatMul', [norm(h, 'ln_f'), head], {}, 'logits'), 'float32', ['B', 'S', 50257]);

  const graph = fromBinary(ModelSchema, b.build());
  for (const node of graph.graph!.node)
    if (node.opType === 'MultiHeadAttention') node.domain = 'com.microsoft';
  const bytes = readFileSync(join(commonFolder(checkpoint.weightFiles), 'model.safetensors'));
  graph.graph!.initializer = graph.graph!.initializer.map((tensor) => {
    const at = checkpoint.tensors.get(tensor.name);
    if (!at) return tensor;
    const { name, dataType, dims } = tensor;
    return create(TensorSchema, {
      name,
      dataType,
      dims,
      rawData: bytes.subarray(at.offset, at.offset + at.length),
    });
  });
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  for (const file of readdirSync(checkpointFolder)) {
    if (file.endsWith('.json') || file.endsWith('.txt'))
      copyFileSync(join(checkpointFolder, file), join(folder, file));
  }
  writeFileSync(join(folder, 'onnx', 'model.onnx'), toBinary(ModelSchema, graph));
}
