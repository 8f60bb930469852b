import { fromBinary } from '@bufbuild/protobuf';
import { GraphBuilder } from '../onnx/graph.ts';
import { type Graph, ModelSchema, type Node } from '../onnx/onnx_pb.ts';
import { branchesOf } from './read.ts';

/**
 * Puts the scoring head behind an exported graph's logits [B, S, V], which then leave it no more. The inputs rows
 * (counted over B*S), pairs, top_k and ban and the outputs logprobs, top_ids, top_logprobs and allowed_ids are
 * those of src/models/blocks.ts, each behind the returned prefix, which no name of the export has. Float16 logits
 * are cast: the log-softmax is float32. Only operators whose form is the same in operator sets 11 to 20 are used.
 *
 * @param gather take the asked rows before the product with the head's weights where that can be found, so that
 * only their logits are computed
 */
export function appendHead(
  graph: Graph,
  options: {
    readonly vocabularySize: number;
    readonly logitsType: 'float32' | 'float16';
    readonly gather: boolean;
  },
): { readonly prefix: string; readonly gathered: boolean } {
  const prefix = freePrefix(graph);
  const { vocabularySize } = options;
  const gathered = options.gather ? rowsBeforeHead(graph, `${prefix}rows`, prefix, vocabularySize) : false;
  const head = part(prefix, ['logits'], (g) => {
    g.input('rows', 'int32', ['R']);
    g.input('pairs', 'int64', ['N', 2]);
    g.input('top_k', 'int64', [1]);
    g.input('ban', 'float32', ['B', vocabularySize]);
    const asked = gathered ? 'logits' : g.node('Gather', [flat(g, 'logits'), 'rows']);
    const logits = options.logitsType === 'float32' ? asked : g.node('Cast', [asked], { to: 1 });
    const all = g.node('LogSoftmax', [logits], { axis: 1 });
    g.output(g.node('GatherND', [all, 'pairs'], {}, 'logprobs'), 'float32', ['N']);
    g.top(logits, 'top_k', 'top_ids');
    g.output('top_ids', 'int64', ['R', 'K']);
    g.output(g.node('GatherElements', [all, 'top_ids'], { axis: 1 }, 'top_logprobs'), 'float32', ['R', 'K']);
    const apart = g.node('Reshape', [logits, g.constant('int64', [-1, 1, vocabularySize])]);
    const allowed = g.node('Add', [apart, 'ban']);
    g.output(g.node('ArgMax', [allowed], { axis: 2, keepdims: 0 }, 'allowed_ids'), 'int64', ['R', 'B']);
  });
  graph.node.push(...head.node);
  graph.initializer.push(...head.initializer);
  graph.input.push(...head.input);
  graph.output = [...graph.output.filter(({ name }) => name !== 'logits'), ...head.output];
  return { prefix, gathered };
}

/** A value [..., width] as [rows, width]. */
function flat(g: GraphBuilder, value: string): string {
  const width = g.node('Gather', [g.node('Shape', [value]), g.constant('int64', [-1])]);
  return g.node('Reshape', [value, g.node('Concat', [g.constant('int64', [-1]), width], { axis: 0 })]);
}

/** Nodes and values built apart, every name but those of the surrounding graph behind a prefix. */
function part(prefix: string, outer: readonly string[], build: (g: GraphBuilder) => void): Graph {
  const builder = new GraphBuilder();
  build(builder);
  const { graph } = fromBinary(ModelSchema, builder.build());
  const rename = (name: string): string => (name === '' || outer.includes(name) ? name : prefix + name);
  for (const node of graph!.node) {
    node.name = rename(node.name);
    node.input = node.input.map(rename);
    node.output = node.output.map(rename);
  }
  for (const named of [...graph!.initializer, ...graph!.input, ...graph!.output])
    named.name = rename(named.name);
  return graph!;
}

function freePrefix(graph: Graph): string {
  const names = namesOf(graph);
  let prefix = 'score/';
  while (names.some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
  return prefix;
}

function namesOf(graph: Graph): string[] {
  return [
    ...graph.node.flatMap((node) => [...node.output, node.name]),
    ...[...graph.initializer, ...graph.input].map(({ name }) => name),
    ...branchesOf(graph).flatMap(namesOf),
  ];
}

/** How to take rows before the head: nodes whose first input becomes its asked rows, and Reshapes that fall away. */
interface Cut {
  readonly products: readonly { readonly graph: Graph; readonly node: Node }[];
  readonly reshapes: readonly { readonly graph: Graph; readonly node: Node }[];
  /** Branches that return logits, whose declared shape no longer holds. */
  readonly branches: readonly Graph[];
}

const NO_CUT: Cut = { products: [], reshapes: [], branches: [] };

/**
 * Finds the product of hidden states [..., width] with fixed weights that the logits come from, through steps that
 * treat every row alike, and feeds it the asked rows only. Branches of an If are followed.
 * @returns false, with the graph unchanged, where it is not of that form
 */
function rowsBeforeHead(graph: Graph, rows: string, prefix: string, vocabularySize: number): boolean {
  const cut = findCut(graph, 'logits', { fixed: fixedValues(graph), vocabularySize, last: true });
  if (!cut) return false;
  for (const [i, { graph: home, node }] of cut.products.entries()) {
    const hidden = node.input[0]!;
    const before = part(`${prefix}${i}/`, [hidden, rows], (g) => {
      g.node('Gather', [flat(g, hidden), rows], {}, 'hidden');
    });
    home.node.splice(home.node.indexOf(node), 0, ...before.node);
    home.initializer.push(...before.initializer);
    node.input[0] = `${prefix}${i}/hidden`;
  }
  for (const { graph: home, node } of cut.reshapes) {
    home.node.find((n) => n.output[0] === node.input[0])!.output = [...node.output];
    home.node.splice(home.node.indexOf(node), 1);
  }
  for (const branch of cut.branches) {
    for (const { type } of branch.output) {
      if (type?.value.case === 'tensorType') delete type.value.value.shape;
    }
  }
  dropShapes(graph);
  return true;
}

function findCut(
  graph: Graph,
  value: string,
  known: {
    readonly fixed: Shapes;
    readonly vocabularySize: number;
    /** The value is an output of its graph and must feed nothing else; any other feeds one node. */
    readonly last: boolean;
  },
): Cut | undefined {
  const { fixed, vocabularySize } = known;
  const users = graph.node.filter((node) => node.input.includes(value)).length;
  const node = graph.node.find((n) => n.output.includes(value));
  if (!node || users !== (known.last ? 0 : 1)) return undefined;
  const [first, second = ''] = node.input as [string, string | undefined];
  const through = (next: string): Cut | undefined => findCut(graph, next, { ...known, last: false });
  /** A scalar or one number an entry of the vocabulary: it treats every row alike. */
  const isVector = (name: string): boolean => (fixed.get(name)?.length ?? 2) <= 1;
  switch (node.opType) {
    case 'Identity':
    case 'Cast':
    case 'Tanh':
      return through(first);
    case 'Add':
    case 'Mul':
    case 'Div':
      if (isVector(second)) return through(first);
      return isVector(first) && node.opType !== 'Div' ? through(second) : undefined;
    case 'Reshape': {
      const cut = through(first);
      return cut && { ...cut, reshapes: [...cut.reshapes, { graph, node }] };
    }
    case 'MatMul':
    case 'Gemm': {
      const shape = fixed.get(second);
      const turned = node.attribute.some(({ name, i }) => name === 'transA' && i !== 0n);
      const isHead = !turned && shape?.length === 2 && shape.includes(vocabularySize);
      return isHead ? { ...NO_CUT, products: [{ graph, node }] } : undefined;
    }
    case 'MatMulNBits':
      return { ...NO_CUT, products: [{ graph, node }] };
    case 'If': {
      const cuts: Cut[] = [];
      for (const { g: branch } of node.attribute) {
        if (!branch) return undefined;
        const inside = branch.output[node.output.indexOf(value)]!.name;
        const own = { ...known, fixed: new Map([...fixed, ...fixedValues(branch)]), last: true };
        const cut = findCut(branch, inside, own);
        if (!cut) return undefined;
        cuts.push({ ...cut, branches: [...cut.branches, branch] });
      }
      return {
        products: cuts.flatMap((c) => c.products),
        reshapes: cuts.flatMap((c) => c.reshapes),
        branches: cuts.flatMap((c) => c.branches),
      };
    }
    default:
      return undefined;
  }
}

/** Values that are the same in every run, with their shapes: weights, constants, and what one node makes of those. */
function fixedValues(graph: Graph): Shapes {
  const fixed = new Map(graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
  for (const { name } of graph.input) fixed.delete(name);
  for (const node of graph.node) {
    const [output, from] = [node.output[0]!, fixed.get(node.input[0] ?? '')];
    const value =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    if (value) fixed.set(output, value.dims.map(Number));
    if (!from || !node.input.every((name) => name === '' || fixed.has(name))) continue;
    if (['Cast', 'Identity', 'DequantizeLinear'].includes(node.opType)) fixed.set(output, from);
    if (node.opType === 'Transpose' && from.length === 2) fixed.set(output, from.toReversed());
  }
  return fixed;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Declared shapes of inner values are hints to the runtime; some no longer hold. */
function dropShapes(graph: Graph): void {
  graph.valueInfo = [];
  for (const branch of branchesOf(graph)) dropShapes(branch);
}
