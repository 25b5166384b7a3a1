/** @file Reads an ONNX model from disk, with the weights that it keeps in files beside it. */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { GraphError } from '../core/index.ts';
import { decodeModel, type ExternalDataReader, type Model } from '../onnx/index.ts';

/**
 * The model in the file `path`. External data are read from the model's own folder and those below it, nowhere else.
 * @throws {GraphError} when there is no such file, or it is no ONNX model, or damaged, or when its external data are
 *   missing, too short, or outside its folder (an absolute path, one through `..`, a link that leads out)
 */
export async function readModel(path: string): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : (error as Error).message;
    throw new GraphError(`The model ${path} cannot be read: ${why}.`, { cause: error });
  }
  try {
    return decodeModel(bytes, { externalData: externalDataIn(dirname(path)) });
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new GraphError(`The model ${path} cannot be read. ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

/** Reads parts of files in `folder`, each part once. */
function externalDataIn(folder: string): ExternalDataReader {
  const parts = new Map<string, Uint8Array>();
  /** Bytes read so far, by file. */
  const taken = new Map<string, number>();
  return (location, offset, length) => {
    const key = `${offset}+${length} ${location}`;
    const known = parts.get(key);
    if (known !== undefined) return known;
    const path = pathInside(folder, location);
    const file = openSync(path, 'r');
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) throw new GraphError(`The model's external data '${location}' are no file.`);
      const count = length ?? stat.size - offset;
      if (count < 0 || offset + count > stat.size) {
        throw new GraphError(
          `The model expects ${length ?? 'some'} bytes at ${offset} of '${location}', which has ${stat.size} bytes.`,
          { hint: 'The file is truncated or belongs to another model.' },
        );
      }
      // Parts that overlap could ask for any amount of memory.
      const total = (taken.get(path) ?? 0) + count;
      if (total > stat.size)
        throw new GraphError(`The model's external data in '${location}' overlap each other.`);
      taken.set(path, total);
      const bytes = readPart(file, offset, count, location);
      parts.set(key, bytes);
      return bytes;
    } finally {
      closeSync(file);
    }
  };
}

function readPart(file: number, offset: number, count: number, location: string): Uint8Array {
  const bytes = new Uint8Array(count);
  let done = 0;
  while (done < count) {
    // One call reads at most 2 GiB.
    const n = readSync(file, bytes, done, Math.min(count - done, 2 ** 30), offset + done);
    if (n === 0) throw new GraphError(`The model's external data '${location}' end too early.`);
    done += n;
  }
  return bytes;
}

/** The real path of an external file. @throws {GraphError} where it is missing or not inside `folder` */
function pathInside(folder: string, location: string): string {
  // Either kind of separator, so that a file is judged alike on every system.
  const steps = location.split(/[\\/]/);
  const outside = new GraphError(`The model's external data '${location}' are outside its folder.`, {
    hint: 'Put the file beside the model and name it without a path; other places are never read.',
  });
  if (location.includes('\0')) throw outside;
  if (isAbsolute(location) || /^[A-Za-z]:/.test(location) || steps[0] === '' || steps.includes('..'))
    throw outside;
  const root = realpathSync(folder);
  let path: string;
  try {
    path = realpathSync(resolve(root, ...steps));
  } catch (error) {
    throw new GraphError(`The model keeps weights in '${location}', which is not beside it.`, {
      hint: 'Keep the model and its data files in one folder.',
      cause: error,
    });
  }
  const way = relative(root, path);
  if (way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) throw outside;
  return path;
}
