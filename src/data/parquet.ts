import { setImmediate } from 'node:timers/promises';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** What is read of a Parquet file. */
export interface ParquetPart {
  readonly metadata?: FileMetaData;
  readonly columns?: string[];
  readonly rowStart?: number;
  readonly rowEnd?: number;
}

/**
 * The rows of a Parquet file, or of a part of it.
 * @throws Error where it is not what the format says, once, however many columns are broken
 */
export async function readParquetRows(
  file: AsyncBuffer,
  part: ParquetPart = {},
): Promise<Record<string, unknown>[]> {
  const metadata = part.metadata ?? (await parquetMetadataAsync(file));
  for (const [group, { columns }] of metadata.row_groups.entries()) {
    // Of a column that is there twice hyparquet reads both and takes one: the other's error would be nobody's.
    const names = columns.map(({ meta_data }) => JSON.stringify(meta_data?.path_in_schema));
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`row group ${group + 1} has two columns ${twice}`);
  }
  // hyparquet asks for the first columns' bytes before it looks at the last column's metadata. Where it fails at that,
  // an error in those bytes would be nobody's and end the process: none are given until it has asked for all.
  let failed = false;
  const patient: AsyncBuffer = {
    byteLength: file.byteLength,
    async slice(start, end) {
      await setImmediate();
      return failed ? new Promise<never>(() => {}) : file.slice(start, end);
    },
  };
  try {
    return await parquetReadObjects({ ...part, metadata, file: patient, compressors });
  } catch (error) {
    failed = true;
    throw error;
  }
}
