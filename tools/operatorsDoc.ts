/**
 * @file Writes docs/operators.md from the registry: `npx tsx tools/operatorsDoc.ts`. A test compares the page with it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nonDifferentiable, vjpRules } from '../src/autodiff/index.ts';
import { importableOpsets } from '../src/onnx/index.ts';
import { microsoftOperators, shapeRules } from '../src/onnx/operators/index.ts';
import { ruleCases } from '../test/autodiff/ruleCases.ts';

const page = new URL('../docs/operators.md', import.meta.url);
const FIRST_OPSET = importableOpsets.first;

interface OperatorVersions {
  readonly versions: { readonly lastOpset: number };
  /** Versions at which an operator was introduced or changed; a negative one withdrew it. */
  readonly operators: Readonly<Record<string, readonly number[]>>;
}
const standard = JSON.parse(
  readFileSync(new URL('../test/fixtures/autodiff/operatorVersions.json', import.meta.url), 'utf8'),
) as OperatorVersions;

const families: Readonly<Record<string, string>> = {
  elementwise: 'element by element',
  reduction: 'reduction',
  movement: 'movement and indexing',
  linalg: 'products',
  convolution: 'windows',
  normalization: 'normalisation and loss',
  recurrence: 'recurrence',
  signal: 'signal',
};

/** What a rule does not cover, or takes care of. */
const remarks: Readonly<Record<string, string>> = {
  BatchNormalization: 'training and inference; the running outputs have no gradient',
  Cast: 'between float types',
  CastLike: 'between float types',
  Clip: 'passes at the bounds',
  DFT: 'not the one-sided inverse',
  Dropout: 'training needs the mask output',
  FusedMatMul: 'without transposed batch axes',
  GatherND: 'from opset 16',
  Gather: 'from opset 16',
  GatherElements: 'from opset 16',
  GlobalMaxPool: 'tied maxima share',
  GroupNormalization: 'scale per group before opset 21, per channel since',
  LSTM: 'through time; not layout 1, not coupled gates',
  GRU: 'through time; not layout 1',
  RNN: 'through time; not layout 1',
  DequantizeLinear: 'by the scale; not scales of blocks',
  GridSample: 'all modes and paddings',
  LogSoftmax: 'before opset 13 over all axes from its own on',
  Max: 'tied operands share',
  MaxPool: 'to the first of tied maxima; overlapping windows from opset 16',
  Min: 'tied operands share',
  NegativeLogLikelihoodLoss: 'by the class weights too',
  Pad: 'constant, reflect, edge and wrap',
  Pow: 'by the exponent where the base is positive, else 0',
  ReduceMax: 'tied elements share',
  ReduceMin: 'tied elements share',
  ReduceProd: 'exact at zeros',
  Resize: 'nearest, linear and cubic; not antialiased shrinking, not tf_crop_and_resize',
  ScatterElements: 'reductions none, add, max, min; the latter two from opset 16',
  ScatterND: 'reductions none, add, max, min; the latter two from opset 16',
  Slice: 'steps of any size and sign; bounds at run time',
  Split: 'sizes at run time',
  Softmax: 'before opset 13 over all axes from its own on',
  SoftmaxCrossEntropyLoss: 'both outputs; by the class weights too',
  STFT: 'not by the window',
  TopK: 'by the values',
};

function opsets(name: string): string {
  const last = standard.versions.lastOpset;
  const versions = standard.operators[name];
  if (versions === undefined) return 'com.microsoft 1';
  const first = Math.max(FIRST_OPSET, Math.min(...versions.map(Math.abs)));
  const changed = versions.map(Math.abs).filter((v) => v > first);
  const range = first === last ? `${first}` : `${first}–${last}`;
  const news = changed.length === 0 ? '' : ` (changed: ${changed.sort((a, b) => a - b).join(', ')})`;
  return range + news + (microsoftOperators.has(name) ? '; com.microsoft 1' : '');
}

function gradientOf(name: string): string {
  const remark = remarks[name] === undefined ? '' : `: ${remarks[name]}`;
  if (name in vjpRules) return `rule${remark}`;
  return nonDifferentiable.has(name) ? 'none by nature' : 'missing';
}

/** The page as it should be. */
export function operatorsPage(): string {
  const rows = Object.entries(shapeRules)
    .flatMap(([family, table]) => Object.keys(table).map((name) => ({ name, family })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const forms = new Map<string, string[]>();
  for (const c of ruleCases) {
    const variant = c.dtype === 'float32' ? c.variant : `${c.variant} (float64)`;
    forms.set(c.op, [...(forms.get(c.op) ?? []), variant]);
  }
  const known = new Set(rows.map((row) => row.name));
  for (const name of Object.keys(remarks)) {
    if (!known.has(name)) throw new Error(`There is a remark on '${name}', which is no registered operator.`);
  }
  const absent = Object.entries(standard.operators)
    .filter(([name, versions]) => !known.has(name) && versions.some((v) => v > 0))
    .map(([name]) => name);
  const count = (test: (name: string) => boolean) => rows.filter((row) => test(row.name)).length;
  return `<!-- Written by tools/operatorsDoc.ts from the registry; change that, not this page. -->

# Operators

What the gradient engine knows: ${rows.length} operators with a shape rule, ${count((n) => n in vjpRules)} of them with a gradient rule,
${count((n) => nonDifferentiable.has(n))} without a gradient by nature (their result is no float, or a staircase: the gradient stops there, as zero).

- **opsets**: of ONNX's standard operator set, ${FIRST_OPSET} to ${standard.versions.lastOpset}, with the versions that changed the operator. An imported model is
  brought to opset 20 first; a graph built by hand keeps its own, and the rules honour it.
- **shape**: the family of the shape rule. For every tested form the types that it infers are compared with those
  that ONNX Runtime returns.
- **gradient**: whether there is a rule, and what it does not cover. An operator without one is an error only where it
  lies between the loss and a parameter; the error names the node.
- **forms**: how many forms are tested against central differences, listed below.

| operator | opsets | shape | gradient | forms |
| --- | --- | --- | --- | --- |
${rows
  .map(
    ({ name, family }) =>
      `| ${name} | ${opsets(name)} | ${families[family]} | ${gradientOf(name)} | ${forms.get(name)?.length ?? '–'} |`,
  )
  .join('\n')}

## Tested forms

Each form is checked by directional derivatives: the gradient graph, run by ONNX Runtime, against central differences of
the forward graph, in float64 where the runtime has such kernels (error below 1e-7 of the derivative) and else in
float32 (below 5e-3). \`test/autodiff/rules.test.ts\` does it; a test fails if an operator with a rule has no form.

${[...forms.entries()]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, variants]) => `- **${name}**: ${variants.map((v) => v.replaceAll('|', '\\|')).join('; ')}.`)
  .join('\n')}

Beyond single operators: random graphs of 5 to 40 nodes composed of the smooth float64 rows
(\`test/autodiff/randomGraphs.test.ts\`), and whole blocks against PyTorch's gradients, within 1e-3
(\`test/autodiff/blocks.test.ts\`: ResNet bottleneck, pre-norm transformer layer, depthwise-separable blocks,
squeeze-and-excitation, attention pooling, a decoder with transposed convolution and resizing).

## Adding an operator

1. The shape rule, in \`src/onnx/operators/\`: from the types of the inputs, and their values where these are constants, to
   the types of the outputs.
2. The gradient rule, in \`src/autodiff/rules/\`: given the gradients of the outputs it appends nodes and returns one
   gradient per input. It honours the graph's opset (\`algebra\` has the forms that differ; \`byOpset\` picks a rule where
   the operator's meaning changed), does no work for inputs that need none, and throws a typed error for what it does
   not cover: a silent zero would be a wrong gradient.
3. Rows in \`test/autodiff/cases/\`, one per attribute form; \`npx vitest run test/autodiff\`.
4. This page: \`npx tsx tools/operatorsDoc.ts\`.

Two properties of ONNX Runtime to know: BatchNormalization in training writes its running outputs over its running
inputs, constants included, after equal constants have been merged; and many kernels exist for float32 only, so that
such rows say \`dtype: 'float32'\`.

## Not handled

Standard operators up to opset ${standard.versions.lastOpset} without a shape rule: ${absent.join(', ')}.
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, operatorsPage());
