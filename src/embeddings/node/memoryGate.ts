/** @file Keeps recordings that wait for the network within a budget of memory. */

/** Lets work begin only while what is held is within the budget. What is begun may go over it and is never stopped. */
export class MemoryGate {
  private held = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param budget bytes */
  constructor(private readonly budget: number) {}

  /** Resolves when work may begin. */
  async enter(): Promise<void> {
    while (this.held > this.budget) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Counts bytes as held; negative ones as given back. */
  hold(bytes: number): void {
    this.held += bytes;
    if (this.held > this.budget) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
