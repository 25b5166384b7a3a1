/** @file Windows of many recordings gathered into batches for the network. */
import type { Embedder } from './embedder.ts';
import { windowInputSize } from './embedder.ts';

interface Job {
  readonly inputs: Float32Array;
  readonly windows: number;
  readonly out: Float32Array;
  /** Windows sent to the network, and come back from it. */
  sent: number;
  done: number;
  readonly resolve: (out: Float32Array) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs batches of one size, of windows of any recordings in the order they come. A batch that cannot be filled, because
 * nothing more is on its way, is filled up with zeros: so that a window's embedding does not depend on how many others
 * it happened to be run with, and a repeated run gives the same bytes.
 */
export class WindowBatcher {
  private readonly jobs: Job[] = [];
  private waiting = 0;
  private expected = 0;
  private running = false;

  constructor(
    private readonly embedder: Embedder,
    private readonly batchSize: number,
  ) {}

  /**
   * Embeds the windows that `make` yields. While `make` is under way, others' windows wait for its own to fill a batch.
   * @returns shape [n, size]
   */
  async embed(make: () => Promise<Float32Array>): Promise<Float32Array> {
    this.expected++;
    let inputs: Float32Array;
    try {
      inputs = await make();
    } finally {
      this.expected--;
      // After what is appended below, or after what the others still append.
      queueMicrotask(() => this.pump());
    }
    const windows = inputs.length / windowInputSize(this.embedder.graph);
    if (windows === 0) return new Float32Array(0);
    return new Promise((resolve, reject) => {
      const out = new Float32Array(windows * this.embedder.spec.size);
      this.jobs.push({ inputs, windows, out, sent: 0, done: 0, resolve, reject });
      this.waiting += windows;
      this.pump();
    });
  }

  private pump(): void {
    if (this.running || this.waiting === 0) return;
    if (this.waiting < this.batchSize && this.expected > 0) return;
    this.running = true;
    void this.runBatch().finally(() => {
      // Recordings that are done make room for others, which begin in the meantime.
      setTimeout(() => {
        this.running = false;
        this.pump();
      }, 0);
    });
  }

  private async runBatch(): Promise<void> {
    const length = windowInputSize(this.embedder.graph);
    const { size } = this.embedder.spec;
    const batch = new Float32Array(this.batchSize * length);
    const parts: { job: Job; first: number; count: number; at: number }[] = [];
    for (let at = 0; at < this.batchSize && this.jobs.length > 0; ) {
      const job = this.jobs[0];
      const count = Math.min(this.batchSize - at, job.windows - job.sent);
      batch.set(job.inputs.subarray(job.sent * length, (job.sent + count) * length), at * length);
      parts.push({ job, first: job.sent, count, at });
      job.sent += count;
      at += count;
      this.waiting -= count;
      if (job.sent === job.windows) this.jobs.shift();
    }
    try {
      const rows = await this.embedder.embed(batch);
      for (const { job, first, count, at } of parts) {
        job.out.set(rows.subarray(at * size, (at + count) * size), first * size);
        job.done += count;
        if (job.done === job.windows) job.resolve(job.out);
      }
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      for (const { job } of parts) {
        if (job === this.jobs[0]) {
          this.jobs.shift();
          this.waiting -= job.windows - job.sent;
        }
        job.reject(reason);
      }
    }
  }
}
