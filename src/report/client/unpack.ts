import type { ExampleBlock } from '../page-data.ts';

/** Base64 of deflated text to the text. */
export async function unpack(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return await new Response(stream).text();
}

/** The packed text that lies in the page under an attribute and value; undefined where there is none. */
export function packedText(attribute: 'data-block' | 'data-export', value: string): string | undefined {
  return document.querySelector(`script[${attribute}="${value}"]`)?.textContent ?? undefined;
}

/** A block of a file beside the page: a page opened from the disk may run a file, but not fetch it. */
export function loadBlock(file: string): Promise<ExampleBlock> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    (window as { evalgptBlock?: (packed: string) => void }).evalgptBlock = (packed) =>
      unpack(packed).then((text) => resolve(JSON.parse(text) as ExampleBlock), reject);
    script.src = file;
    script.onload = () => script.remove();
    script.onerror = () => reject(new Error(`${file} is not beside this page, or cannot be read.`));
    document.head.append(script);
  });
}
