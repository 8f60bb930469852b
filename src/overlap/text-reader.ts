import { isBoundary, readWords, type WordSink } from './words.ts';

/** Reads a document's words from its bytes, in whatever pieces they come. */
export interface TextReader {
  push(bytes: Uint8Array): void;
  /** The document's end. */
  end(): void;
}

/** A stretch without an ASCII space or mark is kept until it is whole; beyond so many bytes it is cut. */
const MOST_KEPT = 1 << 20;

export function textReader(sink: WordSink): TextReader {
  let buffer = new Uint8Array(1 << 17);
  let kept = 0;
  /** Reads what is there up to its last boundary and keeps the rest for the next piece. */
  const read = (size: number): void => {
    let end = size;
    while (end > kept && !isBoundary(buffer[end - 1] as number)) end--;
    if (end > kept) {
      readWords(buffer, end, sink);
      buffer.copyWithin(0, end, size);
      kept = size - end;
    } else {
      kept = size;
    }
  };
  const end = (): void => {
    if (kept === 0) return;
    buffer[kept] = 0x0a;
    readWords(buffer, kept + 1, sink);
    kept = 0;
  };
  return {
    push(bytes) {
      // One byte more: the boundary that ends a document.
      if (kept + bytes.length + 1 > buffer.length) {
        const larger = new Uint8Array(2 * (kept + bytes.length + 1));
        larger.set(buffer.subarray(0, kept));
        buffer = larger;
      }
      buffer.set(bytes, kept);
      read(kept + bytes.length);
      if (kept > MOST_KEPT) end();
    },
    end,
  };
}
