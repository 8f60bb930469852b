import { UserError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { gptNeo } from './gpt-neo.ts';
import { gptNeoX } from './gpt-neox.ts';
import { gpt1 } from './gpt1.ts';
import { gpt2 } from './gpt2.ts';
import { llama, mistral, qwen2, qwen3 } from './llama.ts';

/** By the name that config.json gives in `model_type`. */
const ARCHITECTURES: Readonly<Record<string, (checkpoint: Checkpoint) => Architecture>> = {
  gpt2,
  'openai-gpt': gpt1,
  gpt_neo: gptNeo,
  gpt_neox: gptNeoX,
  llama,
  mistral,
  qwen2,
  qwen3,
};

/**
 * Finds the architecture that a checkpoint's config.json names.
 * @throws UserError for an architecture or a switch that is not supported: never ignored.
 */
export function architectureOf(checkpoint: Checkpoint): Architecture {
  const type = checkpoint.config.model_type;
  const build =
    typeof type === 'string' && Object.hasOwn(ARCHITECTURES, type) ? ARCHITECTURES[type] : undefined;
  if (!build) {
    throw new UserError(
      `${checkpoint.folder}/config.json: model_type ${JSON.stringify(type)} is not supported, expected ${Object.keys(ARCHITECTURES).join(', ')}`,
    );
  }
  return build(checkpoint);
}
