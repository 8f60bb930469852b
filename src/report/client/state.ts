/** What a reader has chosen: the part of the address behind #. Names, not numbers, so that it outlives new tasks. */
export interface State {
  readonly view: string;
  readonly search: string;
  readonly filter: string;
  /** Numbers of shots and models that are not shown. */
  readonly noShots: readonly string[];
  readonly noModels: readonly string[];
  /** A column to sort by: "task", or a model and a number of shots. */
  readonly sort: string;
  readonly descending: boolean;
  /** An open task, and an open example of it. */
  readonly task: string;
  readonly example: string;
}

export const START: State = {
  ...{ view: 'primary', search: '', filter: '', noShots: [], noModels: [] },
  ...{ sort: '', descending: false, task: '', example: '' },
};

/** An address's part behind #, only what differs from the start. */
export function formatState(state: State): string {
  const parameters = new URLSearchParams();
  if (state.view !== START.view) parameters.set('view', state.view);
  for (const name of ['search', 'filter', 'task', 'example'] as const)
    if (state[name] !== '') parameters.set(name, state[name]);
  for (const k of state.noShots) parameters.append('no-k', k);
  for (const model of state.noModels) parameters.append('no-model', model);
  if (state.sort !== '') parameters.set(state.descending ? 'sort-down' : 'sort', state.sort);
  return parameters.toString();
}

/** What is not there stands as at the start. */
export function parseState(text: string): State {
  const parameters = new URLSearchParams(text);
  const get = (name: string): string => parameters.get(name) ?? '';
  return {
    view: get('view') || START.view,
    ...{ search: get('search'), filter: get('filter') },
    ...{ noShots: parameters.getAll('no-k'), noModels: parameters.getAll('no-model') },
    sort: get('sort') || get('sort-down'),
    descending: parameters.has('sort-down'),
    ...{ task: get('task'), example: get('example') },
  };
}
