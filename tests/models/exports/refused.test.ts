import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScorer } from '../../../src/evaluate/scorer.ts';
import { type Graph, ModelSchema } from '../../../src/models/onnx/onnx_pb.ts';
import { inspectModel } from '../../../src/models/open.ts';
import { exportFolder } from '../../helpers/exports.ts';

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'evalgpt-refused-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** A folder with the export "past" as model.onnx, its graph changed. */
function changed(name: string, change: (graph: Graph) => void): string {
  const folder = exportFolder(join(parent, name), { 'model.onnx': 'past.onnx' });
  const file = join(folder, 'model.onnx');
  const model = fromBinary(ModelSchema, readFileSync(file));
  change(model.graph!);
  writeFileSync(file, toBinary(ModelSchema, model));
  return folder;
}

function rename(list: readonly { name: string }[], from: string, to: string): void {
  list.find(({ name }) => name === from)!.name = to;
}

describe('an export is refused, by name, that', () => {
  const cases: Readonly<Record<string, [(graph: Graph) => void, RegExp]>> = {
    'asks for an unknown input': [
      (g) => rename(g.input, 'position_ids', 'encoder_hidden_states'),
      /model\.onnx: input "encoder_hidden_states" is not one of a causal language model's export/,
    ],
    'has no logits': [
      (g) => rename(g.output, 'logits', 'last_hidden_state'),
      /model\.onnx: expected an output "logits", found last_hidden_state,present\.0\.key/,
    ],
    'is fed something else than tokens': [
      (g) => rename(g.input, 'input_ids', 'position_ids'),
      /expected an input "input_ids", found position_ids/,
    ],
    'does not return what it takes': [
      (g) => rename(g.output, 'present.1.value', 'present.2.value'),
      /takes "past_key_values\.1\.value" but does not return it as "present\.1\.value"/,
    ],
    'has a fixed length': [
      (g) => {
        const shape = g.input[0]!.type!.value.value!.shape!;
        shape.dim[1]!.value = { case: 'dimValue', value: 1n };
      },
      /input "input_ids" has the fixed shape \[batch_size,1\], expected any length/,
    ],
    'takes another type': [
      (g) => {
        g.input[0]!.type!.value.value!.elemType = 6;
      },
      /"input_ids" expected int64, found ONNX element type 6/,
    ],
    'keeps its past in another shape': [
      (g) => {
        g.input.find((i) => i.name === 'past_key_values.0.key')!.type!.value.value!.shape!.dim.pop();
      },
      /input "past_key_values\.0\.key" has shape \[batch_size,2,past_sequence_length\], expected \[batch, heads, length, size\]/,
    ],
  };
  test.each(Object.keys(cases))('%s', async (name) => {
    const [change, message] = cases[name]!;
    await expect(inspectModel(changed(name.replaceAll(' ', '-'), change))).rejects.toThrow(message);
  });

  test('is not ONNX', async () => {
    const folder = exportFolder(join(parent, 'garbage'), {});
    for (const content of ['not protobuf at all', '']) {
      writeFileSync(join(folder, 'model.onnx'), content);
      await expect(inspectModel(folder)).rejects.toThrow(/model\.onnx: not an ONNX model/);
    }
  });

  test('lacks its data file, or part of it', async () => {
    const files = { 'model.onnx': 'external.onnx', 'external.onnx_data': 'external.onnx_data' };
    const folder = exportFolder(join(parent, 'data'), files);
    const data = join(folder, 'external.onnx_data');
    truncateSync(data, statSync(data).size - 1);
    await expect(inspectModel(folder)).rejects.toThrow(
      /external\.onnx_data: tensor ".*" ends at byte \d+, but the file ends at/,
    );
    rmSync(data);
    await expect(inspectModel(folder)).rejects.toThrow(
      /external\.onnx_data: missing; .*model\.onnx keeps weights in it/,
    );
  });

  test('keeps weights outside its folder', async () => {
    const folder = exportFolder(join(parent, 'outside'), { 'model.onnx': 'external.onnx' });
    const file = join(folder, 'model.onnx');
    const model = fromBinary(ModelSchema, readFileSync(file));
    for (const { externalData } of model.graph!.initializer) {
      for (const entry of externalData) if (entry.key === 'location') entry.value = '../other/secret';
    }
    writeFileSync(file, toBinary(ModelSchema, model));
    await expect(inspectModel(folder)).rejects.toThrow(
      /names the data file "\.\.\/other\/secret", expected one beside it/,
    );
  });

  test('has no window in its config.json', async () => {
    const folder = exportFolder(join(parent, 'window'), { 'model.onnx': 'plain.onnx' });
    const path = join(folder, 'config.json');
    const { n_positions: _, ...config } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify(config));
    await expect(inspectModel(folder)).rejects.toThrow(
      /config\.json: expected the window's length under one of n_positions, /,
    );
  });

  test('is not there in the wanted type', async () => {
    const folder = exportFolder(join(parent, 'types'), { 'onnx/model_q4.onnx': 'plain.onnx' });
    await expect(inspectModel(folder)).rejects.toThrow(
      /no fp32 export under a known name \(model\.onnx\); found model_q4\.onnx: name one of these files/,
    );
    await expect(inspectModel(join(folder, 'onnx', 'model_q8.onnx'))).rejects.toThrow(/no such folder/);
    await expect(inspectModel(join(folder, 'onnx', 'model_q4.onnx'), { dtype: 'int8' })).rejects.toThrow(
      /--dtype int8: .*model_q4\.onnx is computed as it is/,
    );
    rmSync(join(folder, 'config.json'));
    await expect(inspectModel(join(folder, 'onnx', 'model_q4.onnx'))).rejects.toThrow(
      /model_q4\.onnx: expected config\.json beside it or one folder up, found none/,
    );
  });
});

test('a file named by itself is opened with the config and tokenizer beside or above it', async () => {
  const folder = exportFolder(join(parent, 'named'), {
    'onnx/model_q4.onnx': 'plain.onnx',
    'mine.onnx': 'past.onnx',
  });
  for (const file of ['onnx/model_q4.onnx', 'mine.onnx']) {
    const scorer = await openScorer(join(folder, file));
    const [found] = await scorer.score([{ context: 'a', continuation: 'b' }]).finally(() => scorer.close());
    expect(found).toHaveProperty('logprob');
  }
});

test('a folder with neither safetensors nor an export says what is expected', async () => {
  const folder = exportFolder(join(parent, 'nothing'), {});
  await expect(inspectModel(folder)).rejects.toThrow(/expected model\.safetensors/);
});
