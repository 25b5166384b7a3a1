/** @file Reads an ONNX model from disk, with the weights that it keeps in files beside it. */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { GraphError } from '../core/index.ts';
import { type DecodeModelOptions, decodeModel, type ExternalDataReader, type Model } from '../onnx/index.ts';

/**
 * The model in the file `path`. External data are read from the model's own folder and those below it, nowhere else.
 * @throws {GraphError} when there is no such file, or it is no ONNX model, or damaged, or when its external data are
 *   missing, too short, or outside its folder (an absolute path, one through `..`, a link that leads out)
 */
export async function readModel(path: string): Promise<Model> {
  return decodeNamedModel(await readModelBytes(path), path, { externalData: externalDataIn(dirname(path)) });
}

/** The bytes of a model's file. @throws {GraphError} that says why there are none, and what is meant where a folder is given */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  const fail = (why: string, options: { hint?: string; cause?: unknown } = {}) =>
    new GraphError(`The model ${path} cannot be read: ${why}.`, options);
  try {
    const found = await stat(path);
    if (found.isDirectory()) {
      const inner = ['model.onnx', 'onnx/model.onnx']
        .map((name) => join(path, name))
        .find((name) => existsSync(name));
      throw fail('it is a folder', {
        hint: inner === undefined ? 'Name the .onnx file in it.' : `Its model is ${inner}.`,
      });
    }
    if (!found.isFile()) throw fail('it is not a regular file');
    return await readFile(path);
  } catch (error) {
    if (error instanceof GraphError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw fail(code === 'ENOENT' ? 'there is no such file' : message, { cause: error });
  }
}

/** A model from bytes, with the file named in what is thrown. @throws {GraphError} */
export function decodeNamedModel(bytes: Uint8Array, path: string, options: DecodeModelOptions = {}): Model {
  try {
    return decodeModel(bytes, options);
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
    // A pipe without a writer would be waited for, for ever.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = fstatSync(file);
      if (!stat.isFile())
        throw new GraphError(`The model's external data '${location}' are not a regular file.`);
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
