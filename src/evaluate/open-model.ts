import { type Model, type ModelOptions, openModel } from '../models/open.ts';
import { checkModelName } from '../models/resolve.ts';
import { isServed } from '../remote/client/address.ts';
import { openServed, type ServedOptions } from '../remote/client/open.ts';

/** Opens a model of any kind: from its files, or behind an API. @throws UserError where it can't be scored */
export function openAnyModel(ref: string, options: ModelOptions & ServedOptions = {}): Promise<Model> {
  return isServed(ref) ? openServed(ref, options) : openModel(ref, options);
}

/** Before anything is fetched. @throws UserError for a name that can't be a model's */
export function checkAnyModelName(ref: string): void {
  if (!isServed(ref)) checkModelName(ref);
}
