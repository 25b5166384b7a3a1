/** @file The cases of ONNX's operator tests: a model with inputs and outputs, as files of their own. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EarshotError, type Tensor } from '../../src/core/index.ts';
import { decodeModel, decodeTensor, type Model } from '../../src/onnx/index.ts';

/** The files of one case by their path within it, such as `test_data_set_0/input_0.pb`. */
export type CaseFiles = ReadonlyMap<string, Uint8Array>;

export interface SuiteCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly model: Model;
  /** Null for an optional input that is left out. */
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly (Tensor | null)[];
}

/** A case, or why Earshot cannot read its files: a typed error's words. */
export type ReadCase = SuiteCase | { readonly name: string; readonly refused: string };

/** The files of the case in the folder `folder`. */
export function caseFiles(folder: string): CaseFiles {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return new Map(
    found
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [path.relative(folder, file).replaceAll(path.sep, '/'), readFileSync(file)]),
  );
}

/** Reads a case with its first set of data. */
export function readCase(name: string, files: CaseFiles): ReadCase {
  const bytes = files.get('model.onnx');
  if (bytes === undefined) throw new Error(`The case '${name}' has no model.onnx.`);
  try {
    const series = (role: string) => {
      const tensors: (Tensor | null)[] = [];
      for (let i = 0; ; i++) {
        const file = files.get(`test_data_set_0/${role}_${i}.pb`);
        if (file === undefined) return tensors;
        tensors.push(file.length === 0 ? null : decodeTensor(file).tensor);
      }
    };
    return { name, bytes, model: decodeModel(bytes), inputs: series('input'), outputs: series('output') };
  } catch (error) {
    if (!(error instanceof EarshotError)) throw error;
    return { name, refused: error.message };
  }
}

/** The same for cases of equal files. */
export function contentOf(files: CaseFiles): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}

/** The operator that a case is about: of its one node, or told by its name's beginning. */
export function operatorOf(files: CaseFiles): string | null {
  try {
    const { nodes } = decodeModel(files.get('model.onnx')!).graph;
    const [node] = nodes;
    if (nodes.length !== 1 || node === undefined) return null;
    return node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  } catch (error) {
    if (error instanceof EarshotError) return null;
    throw error;
  }
}
