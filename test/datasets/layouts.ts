/** @file Builds dataset folders for tests; the sounds are a few bytes, as opening a dataset reads none. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Writes files (path → content) below a new temporary folder and returns it. */
export async function makeFolder(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'earshot-datasets-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const us8kHeader = 'slice_file_name,fsID,start,end,salience,fold,classID,class';
export const escHeader = 'filename,fold,target,category,esc10,src_file,take';

/** An UrbanSound8K-like folder of `rows` (`name,fsID,fold,class`), with its files unless they start with `!`. */
export function urbanSound8k(rows: readonly string[], header = us8kHeader): Promise<string> {
  const files: Record<string, string> = {};
  const lines = [header];
  for (const row of rows) {
    const present = !row.startsWith('!');
    const [name, fsId, fold, label] = row.replace(/^!/, '').split(',') as [string, string, string, string];
    lines.push(`${name},${fsId},0.5,4.5,1,${fold},0,${label}`);
    if (present) files[`audio/fold${fold}/${name}`] = name;
  }
  return makeFolder({ ...files, 'metadata/UrbanSound8K.csv': `${lines.join('\n')}\n` });
}
