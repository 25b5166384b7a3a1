/**
 * A sample of ONNX's operator tests (`npm run onnx-suite` runs them all): what the file gives, its types, and gradients
 * against central differences of the file itself.
 */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { readCase, type SuiteCase } from '../../tools/onnxSuite/cases.ts';
import { checkCase } from '../../tools/onnxSuite/checkCase.ts';

const files = unzipSync(readFileSync(new URL('../fixtures/onnx/operatorSuite.zip', import.meta.url)));
const names = Object.keys(files)
  .filter((name) => name.endsWith('/model.onnx'))
  .map((name) => name.slice(0, -'/model.onnx'.length));

function sampled(name: string): ReturnType<typeof readCase> {
  const own = Object.entries(files).filter(([file]) => file.startsWith(`${name}/`));
  return readCase(name, new Map(own.map(([file, bytes]) => [file.slice(name.length + 1), bytes])));
}

const readable = names.map(sampled).filter((c): c is SuiteCase => !('refused' in c));

describe('a sample of ONNX’s operator tests', () => {
  it('is right or refused with a reason, never wrong', async () => {
    const wrong: string[] = [];
    const verdicts: string[] = [];
    for (const c of readable) {
      for (const f of await checkCase(c)) {
        verdicts.push(`${f.subject} ${f.verdict}`);
        if (f.verdict === 'wrong') wrong.push(`${c.name} [${f.state}, ${f.subject}]: ${f.detail}`);
      }
    }
    expect(wrong).toEqual([]);
    const count = (verdict: string) => verdicts.filter((v) => v === verdict).length;
    expect(count('forward right')).toBeGreaterThan(150);
    expect(count('gradient right')).toBeGreaterThan(40);
  });
});
