/**
 * @file Embeddings a second of OpenL3's network (without its front end), two threads, beside PyTorch's of the same layers
 * at the best of its settings, in alternating rounds of one run: `npx tsx bench/embeddings.bench.ts [REPR-SIZE…]`
 * (default mel256-512). ROUNDS, SECONDS (length of a round) and THREADS vary it. Needs /usr/bin/python3 (or the one that
 * PYTHON names) with torch.
 */
import { fairEnvironment, median, Rival } from './rival.ts';

const cases = process.argv.length > 2 ? process.argv.slice(2) : ['mel256-512'];
const rounds = Number(process.env['ROUNDS'] ?? 7);
const roundSeconds = Number(process.env['SECONDS'] ?? 3);

const threads = process.env['THREADS'] ?? '2';
console.log(
  `${threads} threads each; rival: PyTorch, OPENBLAS_CORETYPE=${fairEnvironment.OPENBLAS_CORETYPE}, malloc keeps its memory, denormals flushed`,
);
for (const name of cases) {
  const args = name.split('-');
  // One after the other, as both try their settings before they answer.
  const ours = Rival.own('embeddingRunner.ts', args);
  console.log(await ours.answer());
  const theirs = Rival.python('openl3_pytorch.py', args);
  console.log(await theirs.answer());
  const speeds = new Map<Rival, { batch: number; count: number; values: number[]; cpuMs: number[] }>();
  for (const side of [ours, theirs]) {
    const batch = await side.ask('batch');
    const count = Math.max(1, Math.round(roundSeconds / (await side.ask('embed 1'))));
    speeds.set(side, { batch, count, values: [], cpuMs: [] });
  }
  for (let r = 0; r < rounds; r++) {
    // Who goes first changes every round.
    for (const side of r % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      const { batch, count, values, cpuMs } = speeds.get(side)!;
      const before = await side.ask('cpu');
      values.push((batch * count) / (await side.ask(`embed ${count}`)));
      cpuMs.push((1000 * ((await side.ask('cpu')) - before)) / (batch * count));
    }
  }
  const own = speeds.get(ours)!.values;
  const other = speeds.get(theirs)!.values;
  const [cpu, otherCpu] = [speeds.get(ours)!.cpuMs, speeds.get(theirs)!.cpuMs];
  const ratios = own.map((v, i) => v / other[i]);
  console.log(
    `openl3 ${name}: Earshot ${median(own).toFixed(2)}, PyTorch ${median(other).toFixed(2)} embeddings/s; ` +
      `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, ${rounds} rounds); ` +
      `processor time ${median(cpu).toFixed(0)} and ${median(otherCpu).toFixed(0)} ms each, ratio ${(median(otherCpu) / median(cpu)).toFixed(2)}`,
  );
  ours.end();
  theirs.end();
}
