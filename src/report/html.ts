/** Text that is already HTML: what `html` made, or a constant of this project. Never text from data or models. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

type Part = Html | string | number | null | undefined | false | readonly Part[];

/** A template whose values are escaped, unless they are HTML themselves; lists are joined, null and false vanish. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0] ?? '';
  for (const [i, value] of values.entries()) text += render(value) + (strings[i + 1] ?? '');
  return new Html(text);
}

function render(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(render).join('');
  return escapeText(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A page cannot hold U+0000; what turns the direction of reading would turn the page's own text behind it, too. */
function escapeText(text: string): string {
  return text.replace(/[&<>"'\0\u202a-\u202e\u2066-\u2069]/g, (c) => ENTITIES[c] ?? '\ufffd');
}
