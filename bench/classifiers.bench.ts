/**
 * @file Linear SVM (ten classes, one against the rest, squared hinge, tol 1e-4, at most 1000 passes) on as many of two cores as pay
 * beside scikit-learn's LinearSVC with the same settings on the same matrices, in alternating rounds, with the primal
 * objectives that both reach: `npm run build && npx tsx bench/classifiers.bench.ts`. CASES picks some by number.
 * It runs the build: threads that start from TypeScript would compile it first, for a second.
 * Needs /usr/bin/python3 with scikit-learn (or the one that PYTHON names).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Matrix } from '../src/classifiers/index.ts';
import { Random } from '../src/core/index.ts';
import { median, Rival } from './rival.ts';

const built = new URL('../dist/classifiers/index.js', import.meta.url).href;
const { fitLinearSvm, fitLinearSvmOnThreads } = (await import(
  built
)) as typeof import('../src/classifiers/index.ts');

const rounds = Number(process.env.ROUNDS ?? 3);
const classes = 10;

interface Case {
  name: string;
  rows: number;
  columns: number;
  C: number;
  /** Distance of the classes' centres per feature; the features' own deviation is 1. */
  distance: number;
  rounds: number;
}

const cases: Case[] = [
  { name: '1,761 × 512, C 1', rows: 1761, columns: 512, C: 1, distance: 0.15, rounds },
  { name: '1,761 × 512, C 0.01', rows: 1761, columns: 512, C: 0.01, distance: 0.15, rounds },
  { name: '7,000 × 6,144, C 1, easy', rows: 7000, columns: 6144, C: 1, distance: 0.1, rounds: 1 },
  { name: '7,000 × 6,144, C 1, overlapping', rows: 7000, columns: 6144, C: 1, distance: 0.02, rounds: 1 },
];
const chosen = (process.env.CASES ?? '0,1,2,3').split(',').map((i) => cases[Number(i)]);

interface Time {
  clock: number;
  processor: number;
}

function middle(times: readonly Time[], by: keyof Time): number {
  return median(times.map((time) => time[by]));
}

function makeData({ rows, columns, distance }: Case): { x: Matrix & { data: Float32Array }; y: Int32Array } {
  const random = new Random(1);
  const centres = Float64Array.from({ length: classes * columns }, () => distance * random.normal());
  const y = Int32Array.from({ length: rows }, (_, i) => i % classes);
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[i * columns + j] = centres[y[i] * columns + j] + random.normal();
  }
  return { x: { data, rows, columns }, y };
}

/** Σ over the classes of ½(‖w‖² + b²) + C·Σ max(0, 1 − margin)². */
function objective(
  x: Matrix,
  y: Int32Array,
  C: number,
  weights: ArrayLike<number>,
  intercepts: ArrayLike<number>,
): number {
  const { rows, columns, data } = x;
  let value = 0;
  for (let c = 0; c < classes; c++) {
    const at = c * columns;
    for (let j = 0; j < columns; j++) value += 0.5 * weights[at + j] ** 2;
    value += 0.5 * intercepts[c] ** 2;
    for (let i = 0; i < rows; i++) {
      let score = intercepts[c];
      for (let j = 0; j < columns; j++) score += weights[at + j] * data[i * columns + j];
      value += C * Math.max(0, 1 - (y[i] === c ? score : -score)) ** 2;
    }
  }
  return value;
}

const folder = mkdtempSync(join(tmpdir(), 'earshot-bench-'));
const rival = Rival.python('linear_svc.py', []);
try {
  console.log(await rival.answer());
  for (const one of chosen) {
    const { x, y } = makeData(one);
    const [xFile, yFile] = [join(folder, 'x.f32'), join(folder, 'y.i32')];
    writeFileSync(xFile, new Uint8Array(x.data.buffer));
    writeFileSync(yFile, new Uint8Array(y.buffer));
    const timed = async (work: () => ReturnType<typeof fitLinearSvmOnThreads>) => {
      const [start, before] = [performance.now(), process.cpuUsage()];
      const model = await work();
      const { user, system } = process.cpuUsage(before);
      return { model, clock: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
    };
    const threads: Time[] = [];
    const alone: Time[] = [];
    const rivals: Time[] = [];
    let own = 0;
    let passes: readonly number[] = [];
    for (let round = 0; round < one.rounds; round++) {
      const both = await timed(() => fitLinearSvmOnThreads(x, y, { C: one.C, threads: 2 }));
      threads.push(both);
      if (one.rounds > 1) alone.push(await timed(async () => fitLinearSvm(x, y, { C: one.C })));
      const clock = await rival.ask(`${xFile} ${yFile} ${one.rows} ${one.columns} ${one.C}`);
      rivals.push({ clock, processor: Number(await rival.answer()) });
      own = objective(x, y, one.C, both.model.coefficients.data, both.model.intercepts);
      passes = both.model.iterations;
    }
    const stored = new Float64Array(new Uint8Array(readFileSync(`${xFile}.coef`)).buffer);
    const theirs = objective(x, y, one.C, stored, stored.subarray(classes * one.columns));
    console.log(one.name);
    const ratio = (times: Time[], by: keyof Time) => (middle(rivals, by) / middle(times, by)).toFixed(2);
    for (const [name, times] of Object.entries({
      'as pays': threads,
      '1 thread': alone,
      LinearSVC: rivals,
    })) {
      if (times.length === 0) continue;
      console.log(
        `  ${name.padEnd(10)} ${middle(times, 'clock').toFixed(2)} s by the clock (ratio ${ratio(times, 'clock')}), ` +
          `${middle(times, 'processor').toFixed(2)} s of processor time (ratio ${ratio(times, 'processor')})`,
      );
    }
    console.log(
      `  objective ${own.toPrecision(10)}, LinearSVC ${theirs.toPrecision(10)} (ours is ${((own - theirs) / theirs).toExponential(1)} of it higher); ` +
        `passes ${Math.min(...passes)} to ${Math.max(...passes)}`,
    );
  }
} finally {
  rival.end();
  rmSync(folder, { recursive: true, force: true });
}
