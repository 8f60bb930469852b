import { join } from 'node:path';
import { clone } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { appendHead } from '../../../src/models/exports/head.ts';
import { branchesOf, readOnnx } from '../../../src/models/exports/read.ts';
import { type Graph, GraphSchema } from '../../../src/models/onnx/onnx_pb.ts';
import { EXPORTS } from '../../helpers/exports.ts';

const graphOf = async (name: string): Promise<Graph> => (await readOnnx(join(EXPORTS, name))).model.graph!;
const options = { vocabularySize: 257, logitsType: 'float32', gather: true } as const;
/** What the product with the head's weights is fed. */
const headInput = (graph: Graph): string => graph.node.findLast((n) => n.opType === 'MatMul')!.input[0]!;

test.each(['plain.onnx', 'past.onnx', 'merged.onnx', 'fp16.onnx'])(
  'the rows of %s are taken before the product with the head',
  async (name) => {
    const graph = await graphOf(name);
    const { prefix, gathered } = appendHead(graph, options);
    expect(gathered).toBe(true);
    for (const home of branchesOf(graph).length > 0 ? branchesOf(graph) : [graph]) {
      expect(headInput(home)).toMatch(new RegExp(`^${prefix}\\d/hidden$`));
    }
    expect(graph.output.map((o) => o.name)).not.toContain('logits');
    expect(graph.output.map((o) => o.name)).toEqual(
      expect.arrayContaining(['logprobs', 'top_ids', 'top_logprobs', 'allowed_ids'].map((n) => prefix + n)),
    );
  },
);

test('a graph in which the product is not found, or feeds something else, keeps all rows', async () => {
  expect(appendHead(await graphOf('int8.onnx'), options).gathered).toBe(false);
  const shared = await graphOf('plain.onnx');
  const product = shared.node.findLast((n) => n.output[0] === 'logits')!;
  shared.node.push({ ...product, input: ['logits', product.input[1]!], output: ['other'] });
  expect(appendHead(shared, options).gathered).toBe(false);
  // Weights of another width than the vocabulary are no head.
  expect(appendHead(await graphOf('plain.onnx'), { ...options, vocabularySize: 256 }).gathered).toBe(false);
});

test('names of the head never meet those of the export', async () => {
  const graph = await graphOf('plain.onnx');
  const before = clone(GraphSchema, graph);
  const inner = before.node[3]!.output[0]!;
  for (const node of graph.node) {
    node.input = node.input.map((name) => (name === inner ? 'score/rows' : name));
    node.output = node.output.map((name) => (name === inner ? 'score/rows' : name));
  }
  const { prefix } = appendHead(graph, options);
  expect('score/rows'.startsWith(prefix)).toBe(false);
  const names = [
    ...graph.node.flatMap((n) => n.output),
    ...[...graph.input, ...graph.initializer].map((v) => v.name),
  ];
  expect(new Set(names).size).toBe(names.length);
});
