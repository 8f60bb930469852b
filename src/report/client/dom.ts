type Child = Node | string | number | false | null | undefined;

/** An element with attributes and children; text stays text, whatever is in it. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children) {
    if (child !== false && child !== null && child !== undefined)
      made.append(typeof child === 'number' ? String(child) : child);
  }
  return made;
}

export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element "${id}"`);
  return found as T;
}

export function all<T extends HTMLElement = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): T[] {
  return [...within.querySelectorAll<T>(selector)];
}
