/** @file Two things at once, of which either may fail: nothing is left running, and no rejection goes unhandled. */

/**
 * Does `work` while `running` goes on, and waits until both are settled.
 * @returns what each of them gave
 * @throws the failure that came first; a second one becomes its companion ({@link companionOf})
 */
export async function alongside<A, B>(running: Promise<A>, work: () => B | Promise<B>): Promise<[A, B]> {
  const failures: unknown[] = [];
  const note = (error: unknown) => {
    failures.push(error);
  };
  // Handled from the start: `work` may throw, or take long, while `running` is rejected.
  running.catch(note);
  const doing = Promise.resolve().then(work);
  doing.catch(note);
  const [first, second] = await Promise.allSettled([running, doing]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value];
  const [cause, companion] = failures;
  if (companion !== undefined && cause instanceof Error) companions.set(cause, companion);
  throw cause;
}

const companions = new WeakMap<Error, unknown>();

/** What failed beside an error, where something did: for those who look for the reason. */
export function companionOf(error: Error): unknown {
  return companions.get(error);
}
