import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import type { Examination } from '../evaluate/doctor.ts';
import { packageVersion } from '../package.ts';
import { wholeNumber } from './options.ts';
import { progressOn } from './progress.ts';
import { interruptible } from './signals.ts';

interface DoctorArguments {
  model: string | undefined;
  threads: number | undefined;
  json: boolean;
}

export const doctorCommand: CommandModule<object, DoctorArguments> = {
  command: 'doctor',
  describe: "Examine this machine's devices: right? how fast?",
  builder: (yargs) =>
    yargs
      .option('model', {
        type: 'string',
        requiresArg: true,
        describe: 'Model to examine them with; by default one of random weights, made for the purpose',
      })
      .option('threads', {
        type: 'string',
        requiresArg: true,
        describe: 'Threads for matrix products',
        coerce: wholeNumber('threads', 1),
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON instead of text' })
      .example('$0 doctor', 'a model of random weights, made for the purpose')
      .example('$0 doctor --model ./gpt2', 'a checkpoint of your own'),
  handler: (args) => interruptible((signal) => doctor(args, signal)),
};

/** Wide enough that the matrix products have the shapes of GPT-2's, and small enough to be made in a second. */
const STAND_IN = { vocab_size: 8192, n_positions: 512, n_embd: 768, n_layer: 3, n_head: 12 };

async function doctor(args: DoctorArguments, signal: AbortSignal): Promise<void> {
  const [{ openModel }, { examine }, { writeGpt2Checkpoint }] = await Promise.all([
    import('../models/open.ts'),
    import('../evaluate/doctor.ts'),
    import('../../datasets/demo/checkpoint.ts'),
  ]);
  const progress = progressOn(process.stderr);
  const folder = await mkdtemp(join(tmpdir(), 'evalgpt-doctor-'));
  try {
    if (args.model === undefined) {
      writeGpt2Checkpoint(folder, STAND_IN, { seed: 1, scale: 0.05, byteTokenizer: true });
    }
    const model = await openModel(args.model ?? folder, { threads: args.threads ?? null });
    const machine = {
      evalgpt: packageVersion(),
      node: process.version,
      onnxruntime: model.runtime,
      platform: `${process.platform}-${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memory_gib: Number((totalmem() / 2 ** 30).toFixed(1)),
      threads: model.threads,
    };
    const { ref, parameters, architecture } = model.identity;
    const examined = {
      ref: args.model === undefined ? 'random weights' : ref,
      architecture,
      parameters,
    };
    const examinations: Examination[] = [];
    if (!args.json) process.stdout.write(machineText(machine, examined));
    for await (const examination of examine(model, {
      signal,
      onStart: (device, dtype) => progress.update(`examining ${device} in ${dtype}`),
    })) {
      progress.end();
      examinations.push(examination);
      if (!args.json) process.stdout.write(examinationText(examination));
    }
    if (args.json) {
      process.stdout.write(`${JSON.stringify({ machine, model: examined, examinations }, null, 2)}\n`);
    }
  } finally {
    progress.end();
    await rm(folder, { recursive: true, force: true });
  }
}

function machineText(
  machine: Readonly<Record<string, string | number>>,
  model: { readonly ref: string; readonly architecture: string; readonly parameters: number },
): string {
  const lines = Object.entries(machine).map(
    ([name, value]) => `${name.replace('_', ' ').padEnd(14)}${value}`,
  );
  const size = `${(model.parameters / 1e6).toFixed(1)} M parameters`;
  return `${lines.join('\n')}\nmodel         ${model.ref}, ${model.architecture}, ${size}\n`;
}

/** What can be done where a provider is missing. */
const HINTS: Readonly<Record<string, string>> = {
  cuda: '`ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node` fetches its libraries, which the package does not carry; CUDA 12 and cuDNN 9 must be there',
  webgpu: 'on Linux it needs a Vulkan driver and libvulkan.so.1',
};

export function examinationText(e: Examination): string {
  const name = `\n${e.device}, ${e.dtype}`;
  if (e.problem !== undefined || !e.parity) {
    const hint = HINTS[e.device];
    return `${name}: cannot be used: ${e.problem}${hint && e.dtype === 'fp32' ? `\n  ${hint}` : ''}\n`;
  }
  const { max, mean, bound } = e.parity;
  const verdict = max <= bound ? 'right' : 'WRONG';
  const reference = e.device === 'cpu' && e.dtype === 'fp32';
  return [
    name,
    reference
      ? '  numbers   the reference'
      : `  numbers   ${verdict}: ${max.toPrecision(2)} nats from the CPU in fp32 at most (${mean.toPrecision(2)} on average, ${bound} allowed)`,
    `  company   a score moves by ${e.company?.toPrecision(2)} nats at most when other requests are added`,
    `  speed     ${e.tokensPerSecond?.toFixed(0)} tokens/s, ${e.rate?.toFixed(0)} GFLOP/s; a plain float32 matrix product ${e.peak?.toFixed(0)}`,
    `  load      ${e.load?.toFixed(1)} s`,
    '',
  ].join('\n');
}
