/**
 * @file ONNX Runtime's blocked layout for pictures and what it makes cheap. In it, [N, C, H, W] lies in memory as
 * [N, C/b, H, W, b], b the width of the processor's vectors (16 for AVX-512, 8 for AVX2); ONNX Runtime's operators of
 * the domain `com.microsoft.nchwc` work on it and keep the shape [N, C, H, W] by name. It uses them itself where
 * weights are constants. Here weights are inputs, so their layout is made by nodes.
 *
 * One operator, the convolution, is many things in this layout: with a kernel of 1×1 per channel it scales and shifts
 * channels; with one picture as the kernel of the other it is their dot product per channel, or, with some padding, the
 * gradient of a depthwise kernel. It adds another tensor and applies ReLU in the same pass.
 */
import { sizeOf } from '../../core/tensor.ts';
import type { Attribute, GraphBuilder, Shape, Value } from '../../onnx/index.ts';

const domain = 'com.microsoft.nchwc';

type Ints = Readonly<Record<string, readonly number[] | number>>;

/** The geometry of a blocked convolution, ready to be appended. */
export interface BlockedConv {
  readonly x: Value;
  /** Kernel, its memory in the blocked order. */
  readonly w: Value;
  readonly bias: Value | null;
  readonly ints: Ints;
  readonly shape: readonly number[];
}

/** Window of a convolution: kernel, strides, dilations, pads [before…, after…]. */
interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** A window, the size that it slides over and the size that comes out. */
interface StridedWindow extends Window {
  readonly spatial: readonly number[];
  readonly out: readonly number[];
}

/** The taps of the mirrored kernel that meet one residue of the input's positions, and the padding they need. */
interface Residue {
  readonly taps: number;
  readonly start: number;
  readonly end: number;
  readonly before: number;
  readonly after: number;
}

/** Appends nodes in the blocked layout of one block size. */
export class Blocked {
  readonly g: GraphBuilder;
  /** Channels in a block. */
  readonly size: number;

  constructor(g: GraphBuilder, size: number) {
    this.g = g;
    this.size = size;
  }

  /** Whether that many channels fill whole blocks. */
  fits(channels: number): boolean {
    return channels % this.size === 0;
  }

  private op(
    opType: string,
    inputs: readonly (Value | null)[],
    ints: Ints,
    shape: Shape,
    text: Readonly<Record<string, string>> = {},
  ): Value {
    const attributes: Record<string, Attribute> = {};
    for (const [name, value] of Object.entries(ints))
      attributes[name] = typeof value === 'number' ? { kind: 'int', value } : { kind: 'ints', value };
    for (const [name, value] of Object.entries(text)) attributes[name] = { kind: 'string', value };
    const name = this.g.uniqueName(`blocked_${opType}`);
    const node = { opType, domain, name: `${name}/node`, inputs: [], outputs: [name], attributes };
    return this.g.addNode(node, inputs, { types: [{ dtype: 'float32', shape }] })[0];
  }

  /** From ONNX's layout to the blocked one. */
  enter(x: Value): Value {
    return this.op('ReorderInput', [x], {}, x.shape);
  }

  /** From the blocked layout to ONNX's. */
  leave(x: Value): Value {
    return this.op('ReorderOutput', [x], { channels: x.shape[1] as number }, x.shape);
  }

  /** The same memory under another shape. */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.g.op('Reshape', [x, this.g.ints(shape)]);
  }

  /** Appends a convolution; `added` is added to the result before `activation`. */
  conv(c: BlockedConv, added: Value | null = null, activation: 'Relu' | null = null): Value {
    const inputs =
      added !== null ? [c.x, c.w, c.bias, added] : c.bias !== null ? [c.x, c.w, c.bias] : [c.x, c.w];
    return this.op('Conv', inputs, c.ints, c.shape, activation === null ? {} : { activation });
  }

  maxPool(x: Value, ints: Ints, shape: Shape): Value {
    return this.op('MaxPool', [x], ints, shape);
  }

  /** Mean over H and W, [N, C, 1, 1]: in both layouts at once. */
  globalAverage(x: Value): Value {
    const [n, c] = x.shape as number[];
    return this.op('GlobalAveragePool', [x], {}, [n!, c!, 1, 1]);
  }

  /** Sum over N, H and W: [C]. */
  channelSum(x: Value): Value {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const { g } = this;
    const perPicture = g.op('ReduceSum', [this.reshape(this.globalAverage(x), [n, c]), g.ints([0])], {
      keepdims: 0,
    });
    return g.op('Mul', [perPicture, g.scalar(h * w)]);
  }

  /** Σ a·b over N, H and W: [C]. One picture is the kernel of the other; nothing is written in between. */
  channelDot(a: Value, b: Value): Value {
    const [n, c, h, w] = a.shape as [number, number, number, number];
    const one = this.conv({
      x: this.reshape(a, [1, n * c, h, w]),
      w: this.reshape(b, [n * c, 1, h, w]),
      bias: null,
      ints: { group: n * c, kernel_shape: [h, w] },
      shape: [1, n * c, 1, 1],
    });
    return this.g.op('ReduceSum', [this.reshape(one, [n, c]), this.g.ints([0])], { keepdims: 0 });
  }

  /** A window of the first picture, blocked, from row and column `start` to `end`. */
  private window(x: Value, start: readonly number[], end: readonly number[]): Value {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const b = this.size;
    const { g } = this;
    const [top, left, bottom, right] = [...start, ...end] as [number, number, number, number];
    const part = g.op('Slice', [
      this.reshape(x, [(n * c) / b, h, w * b]),
      g.ints([0, top, left * b]),
      g.ints([c / b, bottom, right * b]),
      g.ints([0, 1, 2]),
    ]);
    return this.reshape(part, [1, c, bottom - top, right - left]);
  }

  /** The value at the middle of the first picture, [C]. */
  middle(x: Value): Value {
    const at = x.shape.slice(2).map((size) => (size as number) >> 1);
    return this.reshape(
      this.window(
        x,
        at,
        at.map((i) => i + 1),
      ),
      [x.shape[1] as number],
    );
  }

  /** The same of what a convolution will give, from the window of its input that this one place sees. */
  middleOf(c: BlockedConv): Value {
    const n = 2;
    const ints = (name: string, fallback: number) =>
      (c.ints[name] as readonly number[] | undefined) ?? Array<number>(2 * n).fill(fallback);
    const [kernel, strides, dilations, pads] = [
      ints('kernel_shape', 1),
      ints('strides', 1),
      ints('dilations', 1),
      ints('pads', 0),
    ];
    const sizes = c.x.shape.slice(2) as readonly number[];
    const axes = sizes.map((size, i) => {
      const start = (c.shape[i + 2] >> 1) * strides[i] - pads[i];
      const end = start + (kernel[i] - 1) * dilations[i] + 1;
      // Padding may be all that it sees: one element of the picture is kept, out of the kernel's reach.
      const first = Math.min(Math.max(start, 0), size - 1);
      return {
        first,
        last: Math.max(Math.min(end, size), first + 1),
        before: first - start,
        after: end - size,
      };
    });
    const [start, end] = [axes.map((axis) => axis.first), axes.map((axis) => axis.last)];
    const few = (c.x.shape[1] as number) % this.size !== 0;
    const seen = few
      ? this.g.op('Slice', [
          c.x,
          this.g.ints([0, ...start]),
          this.g.ints([1, ...end]),
          this.g.ints([0, 2, 3]),
        ])
      : this.window(c.x, start, end);
    const one = this.conv({
      ...c,
      x: seen,
      ints: {
        ...c.ints,
        pads: [...axes.map((axis) => axis.before), ...axes.map((axis) => Math.max(0, axis.after))],
      },
      shape: [1, c.shape[1], 1, 1],
    });
    return this.reshape(one, [c.shape[1]]);
  }

  /** scale_c · x + shift_c, as a depthwise convolution to be appended. */
  affine(x: Value, scale: Value, shift: Value | null): BlockedConv {
    const c = x.shape[1] as number;
    return {
      x,
      w: this.reshape(scale, [c, 1, 1, 1]),
      bias: shift,
      ints: { group: c, kernel_shape: [1, 1] },
      shape: x.shape as readonly number[],
    };
  }

  /** Depthwise kernels, blocked, that pick the last place of the window. */
  lastTap(channels: number, kernel: readonly [number, number]): Value {
    const taps = sizeOf(kernel);
    const data = new Float32Array(channels * taps);
    // In the order [C/b, 1, h, w, b].
    for (let block = 0; block < channels / this.size; block++) {
      const at = ((block + 1) * taps - 1) * this.size;
      data.fill(1, at, at + this.size);
    }
    const name = this.g.uniqueName('last_tap');
    return this.g.initializer(name, { dtype: 'float32', dims: [channels, 1, ...kernel], data });
  }

  /** Zeros between the points: [N, C, H, W] to [N, C, H·s, W·t]. */
  dilated(x: Value, strides: readonly number[]): Value {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [s, t] = strides as [number, number];
    const b = this.size;
    const { g } = this;
    const points = this.reshape(x, [(n * c * h) / b, w, b]);
    // Columns first: each point is followed by t − 1 blocks of zeros; then each row by s − 1 rows.
    const columns = g.op('Pad', [points, g.ints([0, 0, 0, 0, 0, (t - 1) * b]), g.scalar(0)]);
    const rows = g.op('Pad', [
      this.reshape(columns, [(n * c * h) / b, w * t * b]),
      g.ints([0, 0, 0, (s - 1) * w * t * b]),
      g.scalar(0),
    ]);
    return this.reshape(rows, [n, c, h * s, w * t]);
  }

  /**
   * Gradient of a depthwise kernel, [C, 1, h, w] in ONNX's layout, or null where strides leave a rest.
   * @param x what it slid over; @param dy gradient of what came out
   */
  depthwiseWeightGradient(x: Value, dy: Value, q: Window): Value | null {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [, , oh, ow] = dy.shape as number[];
    const size = [h, w];
    const out = [oh!, ow!];
    // The kernel slides over dy as dy would over x: strides and dilations change places.
    const after = q.kernel.map(
      (k, i) => (k - 1) * q.dilations[i] + (out[i] - 1) * q.strides[i] + 1 - size[i] - q.pads[i],
    );
    if (after.some((p) => p < 0)) return null;
    const pads = [...q.pads.slice(0, 2), ...after];
    const b = this.size;
    const [kh, kw] = q.kernel as [number, number];
    const products = this.conv({
      x: this.reshape(x, [1, n * c, h, w]),
      w: this.reshape(dy, [n * c, 1, oh!, ow!]),
      bias: null,
      ints: { group: n * c, kernel_shape: out, strides: q.dilations, dilations: q.strides, pads },
      shape: [1, n * c, kh, kw],
    });
    const { g } = this;
    const summed = g.op('ReduceSum', [this.reshape(products, [n, sizeOf([c, kh, kw])]), g.ints([0])], {
      keepdims: 0,
    });
    return this.reshape(this.leave(this.reshape(summed, [c / b, b, kh, kw])), [c, 1, kh, kw]);
  }

  /**
   * Gradient of a kernel as a convolution in which batch and channels have changed
   * places: pictures [C, N, H, W], kernel [O, N, oh, ow]. The batch is taken in parts smaller than a block, since for
   * those the operator reads ONNX's layout and the output's gradient needs only its first two axes exchanged.
   * @param x what the kernel slid over, in ONNX's layout; @param dy gradient of what came out, blocked
   * @returns the gradient in the memory order [C, O/b, h, w, bₒ], under the shape [C, O, h, w]
   */
  weightGradient(x: Value, dy: Value, q: Window): Value {
    const { g, size: b } = this;
    const [n, o, oh, ow] = dy.shape as [number, number, number, number];
    const c = x.shape[1] as number;
    const [kh, kw] = q.kernel as [number, number];
    const parts = Math.ceil(n / Math.min(8, b - 1));
    const sizes = Array.from(
      { length: parts },
      (_, i) => Math.floor(((i + 1) * n) / parts) - Math.floor((i * n) / parts),
    );
    const split = (v: Value): readonly Value[] =>
      parts === 1 ? [v] : g.ops('Split', [v, g.ints(sizes)], { axis: 0 }, { outputs: parts });
    const pictures = split(x);
    const kernels = split(this.reshape(dy, [n, o / b, oh * ow, b]));
    let sum: Value | null = null;
    for (let i = 0; i < parts; i++) {
      const kernel = g.op('Transpose', [kernels[i]], { perm: [1, 0, 2, 3] });
      sum = this.conv(
        {
          x: g.op('Transpose', [pictures[i]], { perm: [1, 0, 2, 3] }),
          w: this.reshape(kernel, [o, sizes[i], oh, ow]),
          bias: null,
          ints: { kernel_shape: [oh, ow], strides: q.dilations, dilations: q.strides },
          shape: [c, o, kh, kw],
        },
        sum,
      );
    }
    return sum!;
  }

  /** Zeros around a picture [N, C, H, W] in ONNX's layout, [top, left, bottom, right]; negative ones cut. */
  padded(x: Value, pads: readonly number[]): Value {
    if (pads.every((p) => p === 0)) return x;
    const [top, left, bottom, right] = pads as [number, number, number, number];
    return this.g.op('Pad', [x, this.g.ints([0, 0, top, left, 0, 0, bottom, right]), this.g.scalar(0)]);
  }

  /** The same for a blocked picture, whose rows are longer and so copied faster. */
  paddedBlocked(x: Value, pads: readonly number[]): Value {
    if (pads.every((p) => p === 0)) return x;
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const [top, left, bottom, right] = pads as [number, number, number, number];
    const b = this.size;
    const rows = this.reshape(x, [(n * c) / b, h, w * b]);
    const padded = this.g.op('Pad', [
      rows,
      this.g.ints([0, top, left * b, 0, bottom, right * b]),
      this.g.scalar(0),
    ]);
    return this.reshape(padded, [n, c, h + top + bottom, w + left + right]);
  }

  /** Whether the input's rows and columns fall into as many classes as there are strides, each met by whole taps. */
  leavesNoRest(q: StridedWindow): boolean {
    return q.dilations.every((d) => d === 1) && q.kernel.every((_, axis) => residues(q, axis) !== null);
  }

  /**
   * Gradient of the input of a convolution with strides, blocked: one convolution for each residue of the input's rows
   * and columns by the strides, with every s-th row and column of the kernel, then laid between each other. For windows
   * that {@link Blocked.leavesNoRest}.
   * @param mirrored the mirrored kernel [I, O, h, w], packed; @param dy gradient of what came out, blocked
   */
  stridedInputGradient(dy: Value, mirrored: Value, q: StridedWindow): Value {
    const [rows, columns] = q.kernel.map((_, axis) => residues(q, axis)) as [Residue[], Residue[]];
    const { g, size: b } = this;
    const [n, o] = dy.shape as [number, number];
    const i = mirrored.shape[0] as number;
    const [mh, mw] = q.spatial.map((size, axis) => size / q.strides[axis]) as [number, number];
    const [kh, kw] = q.kernel as [number, number];
    const kernel = this.reshape(mirrored, [(o * i) / (b * b), kh, kw, b * b]);
    const joined = rows.map((row) => {
      const parts = columns.map((column) => {
        const taps = g.op('Slice', [
          kernel,
          g.ints([row.start, column.start]),
          g.ints([row.end, column.end]),
          g.ints([1, 2]),
          g.ints(q.strides),
        ]);
        const result = this.conv({
          x: dy,
          w: this.reshape(taps, [i, o, row.taps, column.taps]),
          bias: null,
          ints: {
            kernel_shape: [row.taps, column.taps],
            pads: [row.before, column.before, row.after, column.after],
          },
          shape: [n, i, mh, mw],
        });
        return this.reshape(result, [(n * i * mh) / b, mw, b]);
      });
      const row1 = parts.length === 1 ? parts[0] : g.op('Concat', parts, { axis: 2 });
      return this.reshape(row1, [(n * i * mh) / b, 1, parts.length * mw * b]);
    });
    const whole = joined.length === 1 ? joined[0] : g.op('Concat', joined, { axis: 1 });
    return this.reshape(whole, [n, i, ...q.spatial]);
  }
}

function residues(q: StridedWindow, axis: number): Residue[] | null {
  const [k, s, p] = [q.kernel[axis], q.strides[axis], q.pads[axis]];
  const [size, out] = [q.spatial[axis], q.out[axis]];
  if (size % s !== 0) return null;
  const found = Array.from({ length: s }, (_, r): Residue => {
    // Input s·m + r meets tap first + s·j at output m + offset − j.
    const first = (r + p) % s;
    const taps = Math.ceil((k - first) / s);
    const offset = (r + p - first) / s;
    const before = taps - 1 - offset;
    return {
      taps,
      start: k - 1 - first - s * (taps - 1),
      end: k - first,
      before,
      after: size / s - out + taps - 1 - before,
    };
  });
  return found.every((f) => f.taps > 0 && f.before >= 0 && f.after >= 0) ? found : null;
}
