/** @file A dataset's fingerprint: changes when a sound, a label, a fold or a group does, and with nothing else. */
import { createHash } from 'node:crypto';
import { type Clip, compareText } from './dataset.ts';
import { type FileContentOptions, fileContents } from './fileContents.ts';

export type FingerprintOptions = FileContentOptions;

/**
 * SHA-256 (64 hexadecimal digits) over one line per clip, sorted by id: the JSON array
 * `[id, label, fold, group, SHA-256 of the file's content]`, and the side behind it where the dataset has a split. Independent of where the dataset lies, of the order of
 * its clips and of file times. A file that cannot be read counts as the content `unreadable`. Hashes are remembered
 * by size and modification time, so that a second call costs one `stat` per clip.
 */
export async function fingerprint(
  dataset: { readonly clips: readonly Clip[] },
  options: FingerprintOptions = {},
): Promise<string> {
  const contents = await fileContents(
    dataset.clips.map(({ path }) => path),
    'Fingerprinting the data',
    options,
  );
  const lines = dataset.clips.map(({ id, path, label, fold, group, side }) =>
    JSON.stringify([
      ...[id, label, fold, group, contents.get(path) ?? 'unreadable'],
      ...(side === undefined ? [] : [side]),
    ]),
  );
  const hash = createHash('sha256').update('earshot-dataset-1\n');
  for (const line of lines.sort(compareText)) hash.update(`${line}\n`);
  return hash.digest('hex');
}
