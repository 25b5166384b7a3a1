/**
 * @file Rows of an RBF kernel matrix, computed when they are asked for and remembered as float32 while there is room,
 * as in LIBSVM. Rows are shared by all pairs of classes; of each, only the classes asked for are computed.
 */
import type { Matrix } from './matrix.ts';
import { createRowKernel, type RowKernel } from './rowKernel.ts';

interface Row {
  readonly values: Float32Array;
  /** 1 for each class whose values are there. */
  readonly filled: Uint8Array;
}

export class RbfRows {
  private readonly kernel: RowKernel;
  private readonly lengths: Float64Array;
  /** The least recently used first. */
  private readonly rows = new Map<number, Row>();
  private readonly most: number;

  /**
   * @param x rows sorted by class
   * @param starts first row of each class, and behind them the number of rows
   */
  constructor(
    x: Matrix,
    private readonly starts: Int32Array,
    private readonly gamma: number,
    cacheMegabytes: number,
  ) {
    this.kernel = createRowKernel(x, { vectors: 1 });
    this.lengths = new Float64Array(x.rows);
    for (let i = 0; i < x.rows; i++) {
      this.kernel.load(i, 0);
      this.lengths[i] = this.kernel.dot(i, 0);
    }
    // Two rows are in use at once.
    this.most = Math.max(2, Math.floor((cacheMegabytes * 2 ** 20) / (4 * x.rows)));
  }

  /** K(i, ·), valid at the rows of classes `a` and `b`, until the row after the next one is asked for. */
  row(i: number, a: number, b: number): Float32Array {
    let row = this.rows.get(i);
    if (row) this.rows.delete(i);
    else {
      if (this.rows.size >= this.most) this.rows.delete(this.rows.keys().next().value!);
      const n = this.lengths.length;
      row = { values: new Float32Array(n), filled: new Uint8Array(this.starts.length - 1) };
    }
    this.rows.set(i, row);
    this.fill(i, a, row);
    this.fill(i, b, row);
    return row.values;
  }

  private fill(i: number, c: number, { values, filled }: Row): void {
    if (filled[c] === 1) return;
    filled[c] = 1;
    const { kernel, lengths, gamma } = this;
    kernel.load(i, 0);
    for (let j = this.starts[c]; j < this.starts[c + 1]; j++) {
      values[j] = Math.exp(-gamma * Math.max(0, lengths[i] + lengths[j] - 2 * kernel.dot(j, 0)));
    }
  }
}
