/**
 * @file Chooses the cases that `npm test` runs and writes them to test/fixtures/onnx/operatorSuite.zip:
 * `npx tsx tools/onnxSuite/sample.ts FOLDER`, the unpacked archive. A small case of every third pair
 * of operator and opset.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { decodeModel } from '../../src/onnx/index.ts';
import { type CaseFiles, caseFiles, operatorOf } from './cases.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Pass the folder of the unpacked operator tests.');
const license = `Cases of ONNX's operator tests, from https://github.com/onnx/onnx (onnx/backend/test/data/node), unchanged.
Copyright (c) ONNX Project Contributors, licensed under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).
`;

const sizeOf = (files: CaseFiles) => [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
const chosen = new Map<string, { name: string; files: CaseFiles }>();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (entry.name !== 'model.onnx') continue;
  const files = caseFiles(entry.parentPath);
  const operator = operatorOf(files);
  if (operator === null || sizeOf(files) > 3000) continue;
  const opset = decodeModel(files.get('model.onnx')!).opsets.get('') ?? 0;
  if (opset > 24) continue;
  const key = `${operator} ${opset}`;
  const before = chosen.get(key);
  if (before === undefined || sizeOf(files) < sizeOf(before.files))
    chosen.set(key, { name: path.relative(folder, entry.parentPath).replaceAll(path.sep, '/'), files });
}
const zipped: Zippable = { LICENSE: new TextEncoder().encode(license) };
const sample = [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).filter((_, i) => i % 3 === 0);
for (const { name, files } of sample) for (const [file, bytes] of files) zipped[`${name}/${file}`] = bytes;
const bytes = zipSync(zipped, { level: 9, mtime: new Date('2026-01-01T00:00:00Z') });
writeFileSync(new URL('../../test/fixtures/onnx/operatorSuite.zip', import.meta.url), bytes);
console.log(`${sample.length} cases, ${bytes.length} bytes`);
