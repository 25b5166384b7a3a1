/** @file The results of ONNX's operator tests as text: by operator, for the terminal and for docs/operator-suite.md. */
import type { Finding, Verdict } from './checkCase.ts';

export interface Tested {
  readonly name: string;
  readonly operator: string;
  readonly findings: readonly Finding[];
}

const count = (findings: readonly Finding[], subject: Finding['subject'], verdict: Verdict) =>
  findings.filter((f) => f.subject === subject && f.verdict === verdict).length;

interface Row {
  readonly operator: string;
  readonly cases: number;
  readonly findings: readonly Finding[];
}

function rowsOf(tested: readonly Tested[]): Row[] {
  const names = [...new Set(tested.map((t) => t.operator))].sort((a, b) => (a < b ? -1 : 1));
  return names.map((operator) => {
    const own = tested.filter((t) => t.operator === operator);
    return { operator, cases: own.length, findings: own.flatMap((t) => t.findings) };
  });
}

const columns: readonly (readonly [string, Finding['subject'], Verdict])[] = [
  ['right', 'forward', 'right'],
  ['refused', 'forward', 'refused'],
  ['not run', 'forward', 'not run'],
  ['wrong', 'forward', 'wrong'],
  ['gradient right', 'gradient', 'right'],
  ['gradient refused', 'gradient', 'refused'],
  ['gradient wrong', 'gradient', 'wrong'],
];

/** One line per operator, and the sum. */
export function summary(tested: readonly Tested[]): string {
  const all = { operator: 'ALL', cases: tested.length, findings: tested.flatMap((t) => t.findings) };
  const table = [
    ['operator', 'cases', ...columns.map(([title]) => title)],
    ...[...rowsOf(tested), all].map((row) => [
      row.operator,
      String(row.cases),
      ...columns.map(([, subject, verdict]) => String(count(row.findings, subject, verdict))),
    ]),
  ];
  const widths = table[0].map((_, i) => Math.max(...table.map((line) => line[i].length)));
  return table
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}

/** docs/operator-suite.md. */
export function suitePage(tested: readonly Tested[]): string {
  const all = tested.flatMap((t) => t.findings);
  const of = (subject: Finding['subject'], verdict: Verdict) => count(all, subject, verdict);
  const cell = (n: number) => (n === 0 ? '–' : String(n));
  const line = ({ operator, cases, findings }: Row) =>
    `| ${operator} | ${cases} | ${columns.map(([, subject, verdict]) => cell(count(findings, subject, verdict))).join(' | ')} |`;
  return `<!-- Written by \`npm run onnx-suite -- --write\`; do not edit. -->

# Operator suite

ONNX's own operator tests (onnx/onnx, Apache-2.0), ${tested.length} different ones, by \`npm run onnx-suite\`. Each is imported, written
in opset 20 and run by ONNX Runtime, as it is, with its integer inputs as constants, and with all sizes of its
inputs open; results and inferred types are compared with those of the original file. Then the gradient of
Σ output · random by every float input is compared with central differences of the original file, at three steps, and at
moved inputs where the case's own lie at a kink.

**right**: agrees. **refused**: a typed error that names the node and the reason; most are operators that Earshot does
not know. **not run**: ONNX Runtime has no kernel, for the original file neither. **wrong**: anything else.

Results: forward ${of('forward', 'right')} right, ${of('forward', 'refused')} refused, ${of('forward', 'not run')} not run, ${of('forward', 'wrong')} wrong; gradients ${of('gradient', 'right')} right, ${of('gradient', 'refused')} refused,
${of('gradient', 'wrong')} wrong.

| operator | cases | ${columns.map(([title]) => title).join(' | ')} |
| --- | --- | ${columns.map(() => '---').join(' | ')} |
${rowsOf(tested).map(line).join('\n')}

## Why gradients and files are refused

| reason | times |
| --- | --- |
${reasons(all)
  .map(([reason, times]) => `| ${reason.replaceAll('|', '\\|')} | ${times} |`)
  .join('\n')}
`;
}

/** Refusals by their words without names and numbers, the most frequent first. */
function reasons(findings: readonly Finding[]): [string, number][] {
  const found = new Map<string, number>();
  for (const f of findings) {
    if (f.verdict !== 'refused') continue;
    const reason = f.detail.replace(/ '[^']*'/g, '').replace(/\[[^\]]*\]/g, '[…]');
    found.set(reason, (found.get(reason) ?? 0) + 1);
  }
  return [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
