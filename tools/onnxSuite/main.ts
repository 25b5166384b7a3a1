/**
 * @file Runs ONNX's operator tests: `npm run onnx-suite [-- ARCHIVE_OR_FOLDER] [--operator Conv] [--verbose] [--write]`.
 * Prints a table by operator and ends with code 1 when anything is wrong. `--write` renews docs/operator-suite.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { caseFiles, contentOf, operatorOf, readCase } from './cases.ts';
import { checkCase, type Finding } from './checkCase.ts';
import { suitePage, summary, type Tested } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { operator: { type: 'string' }, verbose: { type: 'boolean' }, write: { type: 'boolean' } },
});
const root = fileURLToPath(new URL('../..', import.meta.url));
const given = positionals[0] ?? path.join(root, '../shared/references/onnx-node-tests/node-tests.tar.xz');
if (!existsSync(given)) {
  console.error(`${given} is not there. Pass node-tests.tar.xz, or a folder of node test folders.`);
  process.exit(2);
}

const unpacked = statSync(given).isDirectory() ? null : mkdtempSync(path.join(tmpdir(), 'onnx-suite-'));
try {
  if (unpacked !== null) execFileSync('tar', ['-xf', given, '-C', unpacked]);
  const tested = await runAll(unpacked ?? given);
  console.log(summary(tested));
  const wrong = tested.flatMap(({ name, operator, findings }) =>
    findings.filter((f) => f.verdict === 'wrong').map((f) => ({ name, operator, ...f })),
  );
  for (const f of wrong)
    console.log(`WRONG ${f.operator} ${f.name} [${f.state}, ${f.subject}] ${f.detail.slice(0, 300)}`);
  if (values.write) writeFileSync(path.join(root, 'docs/operator-suite.md'), suitePage(tested));
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  if (unpacked !== null) rmSync(unpacked, { recursive: true });
}

/** Every folder that holds a model.onnx, equal ones once. */
async function runAll(folder: string): Promise<Tested[]> {
  const folders = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name === 'model.onnx')
    .map((entry) => entry.parentPath)
    .sort();
  const all = folders.map((at) => ({ name: path.relative(folder, at), files: caseFiles(at) }));
  const operators = new Map(all.map(({ name, files }) => [path.basename(name), operatorOf(files)]));
  const seen = new Set<string>();
  const tested: Tested[] = [];
  for (const { name, files } of all) {
    const content = contentOf(files);
    const operator = operatorOf(files) ?? expandedFrom(path.basename(name), operators);
    if (seen.has(content) || (values.operator !== undefined && operator !== values.operator)) continue;
    seen.add(content);
    const read = readCase(name, files);
    const findings: Finding[] =
      'refused' in read
        ? [{ state: 'as it is', subject: 'forward', verdict: 'refused', detail: read.refused }]
        : await checkCase(read);
    tested.push({ name, operator, findings });
    if (values.verbose)
      for (const f of findings)
        if (f.verdict !== 'right' && f.verdict !== 'none')
          console.log(
            `${operator}\t${name}\t${f.state}\t${f.subject}\t${f.verdict}\t${f.detail.replaceAll('\n', ' ').slice(0, 300)}`,
          );
  }
  return tested;
}

/** A case that writes an operator out with others is named after the operator's own case. */
function expandedFrom(name: string, operators: ReadonlyMap<string, string | null>): string {
  const plain = name.replace(/_expanded.*$/, '');
  return (plain === name ? null : operators.get(plain)) ?? 'several operators';
}
