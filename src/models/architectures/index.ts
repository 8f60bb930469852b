import { UserError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { gpt2 } from './gpt2.ts';

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
