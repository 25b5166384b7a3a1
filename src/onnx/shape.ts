/** @file Arithmetic on shapes whose dims are numbers or names. */
import { ShapeError } from '../core/errors.ts';
import type { Dim, Shape } from './model.ts';

export function formatShape(shape: Shape | null): string {
  return shape === null ? '(unknown rank)' : `[${shape.join(', ')}]`;
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((d) => typeof d === 'number');
}

/** The shape as numbers. @throws {ShapeError} naming `what` if a dim is still a name. */
export function staticShape(shape: Shape, what: string): readonly number[] {
  if (!isStatic(shape)) {
    throw new ShapeError(`${what} needs a fully known shape, got ${formatShape(shape)}.`, {
      hint: 'Bind the named dimensions to numbers first.',
    });
  }
  return shape;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** A non-negative axis. @throws {ShapeError} outside [-rank, rank). */
export function resolveAxis(axis: number, rank: number, what: string): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= Math.max(rank, 1)) {
    throw new ShapeError(`${what}: axis ${axis} is out of range for rank ${rank}.`);
  }
  return resolved;
}

/**
 * NumPy broadcasting of two shapes. A name against a number > 1 is that number or 1 at run time, so the number wins;
 * of two names either may be 1, so nothing is known of the result.
 */
export function broadcast(a: Shape, b: Shape, what: string, unknown: () => string): Dim[] {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p === q || q === 1) out.push(p);
    else if (p === 1) out.push(q);
    else if (typeof p === 'string') out.push(typeof q === 'string' ? unknown() : q);
    else if (typeof q === 'string') out.push(p);
    else throw new ShapeError(`${what}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast.`);
  }
  return out;
}

/** Product of dims; a name if any factor other than one name times ones is symbolic. */
export function product(dims: Shape, unknown: () => string): Dim {
  const names = dims.filter((d) => typeof d === 'string');
  let n = 1;
  for (const d of dims) if (typeof d === 'number') n *= d;
  if (names.length === 0) return n;
  if (names.length === 1 && n === 1) return names[0];
  return unknown();
}

export interface WindowOptions {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin for every axis, then end for every axis, as ONNX orders them. */
  readonly pads: readonly number[];
  readonly ceil?: boolean;
}

/** Output size of a sliding window along one axis. @throws {ShapeError} if the window does not fit. */
export function windowedSize(size: number, axis: number, o: WindowOptions, what: string): number {
  const n = o.kernel.length;
  const padded = size + o.pads[axis] + o.pads[axis + n];
  const span = (o.kernel[axis] - 1) * o.dilations[axis] + 1;
  const stride = o.strides[axis];
  let steps = (padded - span) / stride;
  if (o.ceil) {
    steps = Math.ceil(steps);
    // A window that would start in the right padding is dropped, as PyTorch and ONNX do.
    if (steps * stride >= size + o.pads[axis]) steps -= 1;
  } else steps = Math.floor(steps);
  if (padded < span) {
    throw new ShapeError(
      `${what}: a window of ${span} does not fit a padded size of ${padded} on axis ${axis}.`,
    );
  }
  return steps + 1;
}
