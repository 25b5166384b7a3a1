/**
 * @file Writes the text of the log-mel kernel: WebAssembly with 128-bit SIMD. Several frames go through the same
 * arithmetic side by side, one per lane, so that every transform length vectorises alike: two frames through the
 * transform in float64 (float32 would lose bins far below the loudest), four through mel and decibels in float32.
 * The driver is src/features/logMelKernel.ts, which plans the tables and calls these steps.
 *
 * Memory: a complex value of both lanes is 32 bytes: 16 of real parts, 16 of imaginary parts.
 */

type Lane = 'f32x4' | 'f64x2';

const get = (name: string) => `(local.get $${name})`;
const set = (name: string, value: string) => `(local.set $${name} ${value})`;
const i32 = (value: number) => `(i32.const ${value})`;
const iadd = (a: string, b: string) => `(i32.add ${a} ${b})`;
const bump = (name: string, by: string) => set(name, iadd(get(name), by));

/** `do { body; advance } while (pointer < end)`; the driver never asks for zero rounds. */
const loop = (label: string, body: string[], pointer: string, step: string, end: string) =>
  `(loop $${label} ${body.join('\n')} ${bump(pointer, step)} (br_if $${label} (i32.lt_u ${get(pointer)} ${get(end)})))`;

/** Vector arithmetic for one lane type. */
function algebra(lane: Lane) {
  const op = (name: string) => (a: string, b: string) => `(${lane}.${name} ${a} ${b})`;
  const single = lane === 'f32x4';
  return {
    add: op('add'),
    sub: op('sub'),
    mul: op('mul'),
    constant: (value: number) =>
      `(v128.const ${lane} ${Array(single ? 4 : 2)
        .fill(value)
        .join(' ')})`,
    /** A table value in every lane. */
    splat: (pointer: string, index: number) =>
      `(v128.load${single ? 32 : 64}_splat offset=${index * (single ? 4 : 8)} ${pointer})`,
  };
}

/**
 * One decimation-in-frequency pass, in place: in each block of `length` points, butterflies of `radix` points that
 * lie length/radix apart, outputs turned by their twiddles. The last pass (length = radix) has none.
 */
function pass(radix: number, last: boolean): string {
  const a = algebra('f64x2');
  const names = [...Array(radix).keys()];
  const lines: string[] = [];
  const load = (i: number) => [
    set(`r${i}`, `(v128.load ${get(`p${i}`)})`),
    set(`i${i}`, `(v128.load offset=16 ${get(`p${i}`)})`),
  ];
  const store = (i: number, re: string, im: string) => [
    `(v128.store ${get(`p${i}`)} ${re})`,
    `(v128.store offset=16 ${get(`p${i}`)} ${im})`,
  ];
  const twiddled = (i: number, re: string, im: string) => {
    if (last || i === 0) return store(i, re, im);
    return [
      set('x', re),
      set('y', im),
      set('c', a.splat(get('tw'), 2 * (i - 1))),
      set('s', a.splat(get('tw'), 2 * (i - 1) + 1)),
      ...store(
        i,
        a.sub(a.mul(get('x'), get('c')), a.mul(get('y'), get('s'))),
        a.add(a.mul(get('x'), get('s')), a.mul(get('y'), get('c'))),
      ),
    ];
  };
  lines.push(...butterfly(a, radix, twiddled));
  const inner = [
    ...names.slice(1).map((i) => set(`p${i}`, iadd(get(`p${i - 1}`), get('stride')))),
    ...names.flatMap(load),
    ...lines,
    ...(last ? [] : [bump('tw', i32(16 * (radix - 1)))]),
  ];
  const locals = [
    ...names.slice(1).map((i) => `(local $p${i} i32)`),
    ...names.map((i) => `(local $r${i} v128) (local $i${i} v128)`),
    ...['x', 'y', 'c', 's', ...temporaries].map((n) => `(local $${n} v128)`),
  ].join(' ');
  if (last) {
    return `(func (export "last${radix}") (param $p0 i32) (param $end i32) (local $stride i32) ${locals}
      ${set('stride', i32(32))}
      ${loop('blocks', inner, 'p0', i32(32 * radix), 'end')})`;
  }
  return `(func (export "pass${radix}") (param $p0 i32) (param $end i32) (param $stride i32) (param $table i32)
    (local $tw i32) (local $blockEnd i32) ${locals}
    (loop $blocks
      ${set('tw', get('table'))}
      ${set('blockEnd', iadd(get('p0'), get('stride')))}
      ${loop('points', inner, 'p0', i32(32), 'blockEnd')}
      ${set('p0', iadd(get('p0'), `(i32.mul ${get('stride')} ${i32(radix - 1)})`))}
      (br_if $blocks (i32.lt_u ${get('p0')} ${get('end')}))))`;
}

const temporaries = ['ar', 'ai', 'br', 'bi', 'cr', 'ci', 'dr', 'di', 'er', 'ei', 'fr', 'fi'];

/** The DFT of `radix` points r0,i0 … with e^{−i…}; `emit(k, re, im)` receives each output. */
function butterfly(
  { add, sub, mul, constant }: ReturnType<typeof algebra>,
  radix: number,
  emit: (index: number, re: string, im: string) => string[],
): string[] {
  const r = (i: number) => get(`r${i}`);
  const m = (i: number) => get(`i${i}`);
  const [ar, ai, br, bi, cr, ci, dr, di, er, ei, fr, fi] = temporaries.map(get) as string[];
  const keep = (names: string, re: string, im: string) => [set(`${names}r`, re), set(`${names}i`, im)];
  if (radix === 2) {
    return [
      ...keep('a', sub(r(0), r(1)), sub(m(0), m(1))),
      ...emit(0, add(r(0), r(1)), add(m(0), m(1))),
      ...emit(1, ar!, ai!),
    ];
  }
  if (radix === 3) {
    const half = constant(0.5);
    const sin = constant(Math.sin((2 * Math.PI) / 3));
    return [
      ...keep('a', add(r(1), r(2)), add(m(1), m(2))),
      // −i·sin(2π/3)·(x1 − x2)
      ...keep('b', mul(sin, sub(m(1), m(2))), mul(sin, sub(r(2), r(1)))),
      ...keep('c', sub(r(0), mul(half, ar!)), sub(m(0), mul(half, ai!))),
      ...emit(0, add(r(0), ar!), add(m(0), ai!)),
      ...emit(1, add(cr!, br!), add(ci!, bi!)),
      ...emit(2, sub(cr!, br!), sub(ci!, bi!)),
    ];
  }
  if (radix === 4) {
    return [
      ...keep('a', add(r(0), r(2)), add(m(0), m(2))),
      ...keep('b', sub(r(0), r(2)), sub(m(0), m(2))),
      ...keep('c', add(r(1), r(3)), add(m(1), m(3))),
      // −i·(x1 − x3)
      ...keep('d', sub(m(1), m(3)), sub(r(3), r(1))),
      ...emit(0, add(ar!, cr!), add(ai!, ci!)),
      ...emit(1, add(br!, dr!), add(bi!, di!)),
      ...emit(2, sub(ar!, cr!), sub(ai!, ci!)),
      ...emit(3, sub(br!, dr!), sub(bi!, di!)),
    ];
  }
  const [c1, c2, s1, s2] = [
    constant(Math.cos((2 * Math.PI) / 5)),
    constant(Math.cos((4 * Math.PI) / 5)),
    constant(Math.sin((2 * Math.PI) / 5)),
    constant(Math.sin((4 * Math.PI) / 5)),
  ];
  return [
    ...keep('a', add(r(1), r(4)), add(m(1), m(4))),
    ...keep('b', add(r(2), r(3)), add(m(2), m(3))),
    ...keep('c', sub(r(1), r(4)), sub(m(1), m(4))),
    ...keep('d', sub(r(2), r(3)), sub(m(2), m(3))),
    ...keep('e', add(r(0), add(mul(c1, ar!), mul(c2, br!))), add(m(0), add(mul(c1, ai!), mul(c2, bi!)))),
    // −i·(s1·c + s2·d)
    ...keep('f', add(mul(s1, ci!), mul(s2, di!)), sub(constant(0), add(mul(s1, cr!), mul(s2, dr!)))),
    ...emit(0, add(r(0), add(ar!, br!)), add(m(0), add(ai!, bi!))),
    ...emit(1, add(er!, fr!), add(ei!, fi!)),
    ...emit(4, sub(er!, fr!), sub(ei!, fi!)),
    ...keep('e', add(r(0), add(mul(c2, ar!), mul(c1, br!))), add(m(0), add(mul(c2, ai!), mul(c1, bi!)))),
    // −i·(s2·c − s1·d)
    ...keep('f', sub(mul(s2, ci!), mul(s1, di!)), sub(mul(s1, dr!), mul(s2, cr!))),
    ...emit(2, add(er!, fr!), add(ei!, fi!)),
    ...emit(3, sub(er!, fr!), sub(ei!, fi!)),
  ];
}

/** Windows two frames and interleaves them: sample 2n of each becomes a real part, 2n + 1 an imaginary part. */
const load = () => {
  const frame = (i: number) =>
    set(
      `x${i}`,
      `(f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero align=4 ${get(`s${i}`)})) ${get('w')})`,
    );
  const half = (which: number) => {
    const bytes = [0, 1, 2, 3, 4, 5, 6, 7].map((b) => b + 8 * which);
    return `(i8x16.shuffle ${[...bytes, ...bytes.map((b) => b + 16)].join(' ')} ${get('x0')} ${get('x1')})`;
  };
  const body = [
    set('w', `(v128.load ${get('window')})`),
    frame(0),
    frame(1),
    `(v128.store ${get('to')} ${half(0)})`,
    `(v128.store offset=16 ${get('to')} ${half(1)})`,
    bump('s0', i32(8)),
    bump('s1', i32(8)),
    bump('to', i32(32)),
  ];
  return `(func (export "load") (param $s0 i32) (param $hop i32) (param $window i32) (param $end i32) (param $to i32)
    (local $s1 i32) (local $w v128) (local $x0 v128) (local $x1 v128)
    ${set('s1', iadd(get('s0'), get('hop')))}
    ${loop('samples', body, 'window', i32(16), 'end')})`;
};

/**
 * From the half-length transform's (digit-reversed) outputs to |X|² of bins 0 … n/2. The window carries a factor ½,
 * so E = Z[k] + Z*[h−k] and O = −i(Z[k] − Z*[h−k]); X[k] = E + W^k·O, X*[h−k] = E − W^k·O. `order` lists, for each
 * k = 1 … floor(h/2), byte offsets: of Z[k], of Z[h−k], of bin k and of bin h−k in `to`.
 */
const power = () => {
  const { add, sub, mul, splat } = algebra('f64x2');
  const write = (pointer: string, value: string) =>
    `(v128.store64_lane align=4 0 ${pointer} (f32x4.demote_f64x2_zero ${value}))`;
  const at = (offset: number, base: string) => iadd(get(base), `(i32.load offset=${offset} ${get('order')})`);
  const square = (x: string, y: string) => add(mul(get(x), get(x)), mul(get(y), get(y)));
  const body = [
    set('p', at(0, 'data')),
    set('q', at(4, 'data')),
    set('a', `(v128.load ${get('p')})`),
    set('b', `(v128.load offset=16 ${get('p')})`),
    set('c', `(v128.load ${get('q')})`),
    set('d', `(v128.load offset=16 ${get('q')})`),
    set('er', add(get('a'), get('c'))),
    set('ei', sub(get('b'), get('d'))),
    set('dr', sub(get('a'), get('c'))),
    set('di', add(get('b'), get('d'))),
    set('wc', splat(get('table'), 0)),
    set('ws', splat(get('table'), 1)),
    set('a', add(mul(get('wc'), get('di')), mul(get('ws'), get('dr')))),
    set('b', sub(mul(get('ws'), get('di')), mul(get('wc'), get('dr')))),
    set('c', sub(get('er'), get('a'))),
    set('d', sub(get('ei'), get('b'))),
    set('a', add(get('er'), get('a'))),
    set('b', add(get('ei'), get('b'))),
    write(at(12, 'to'), square('c', 'd')),
    write(at(8, 'to'), square('a', 'b')),
    bump('table', i32(16)),
  ];
  return `(func (export "power") (param $data i32) (param $order i32) (param $end i32) (param $table i32)
    (param $to i32) (param $last i32) (local $p i32) (local $q i32)
    ${['a', 'b', 'c', 'd', 'er', 'ei', 'dr', 'di', 'wc', 'ws'].map((n) => `(local $${n} v128)`).join(' ')}
    ${set('a', `(v128.load ${get('data')})`)}
    ${set('b', `(v128.load offset=16 ${get('data')})`)}
    ${set('c', add(get('a'), get('b')))}
    ${set('d', sub(get('a'), get('b')))}
    ${set('c', add(get('c'), get('c')))}
    ${set('d', add(get('d'), get('d')))}
    ${write(get('to'), mul(get('c'), get('c')))}
    ${write(get('last'), mul(get('d'), get('d')))}
    (if (i32.lt_u ${get('order')} ${get('end')}) (then
    ${loop('bins', body, 'order', i32(16), 'end')})))`;
};

/** In place: power → magnitude. */
const magnitude = () =>
  `(func (export "magnitude") (param $at i32) (param $end i32)
    ${loop('bins', [`(v128.store ${get('at')} (f32x4.sqrt (v128.load ${get('at')})))`], 'at', i32(16), 'end')})`;

/**
 * For each filter: the weighted sum of its bins, then scale·log2(max(sum, amin)). A filter is two i32 (byte offset
 * of its first bin, end of its weights); its weights follow those of the one before, padded to a multiple of four.
 */
const mel = () => {
  const { add, mul, splat, constant } = algebra('f32x4');
  const term = (i: number) =>
    set(
      `a${i}`,
      add(get(`a${i}`), mul(splat(get('weights'), i), `(v128.load offset=${16 * i} ${get('bin')})`)),
    );
  const sums = [0, 1, 2, 3].map(term);
  const zero = constant(0);
  const body = [
    set('bin', iadd(get('bins'), `(i32.load ${get('filter')})`)),
    set('stop', `(i32.load offset=4 ${get('filter')})`),
    ...[0, 1, 2, 3].map((i) => set(`a${i}`, zero)),
    `(if (i32.lt_u ${get('weights')} ${get('stop')}) (then ${loop(
      'terms',
      [...sums, bump('bin', i32(64))],
      'weights',
      i32(16),
      'stop',
    )}))`,
    set('x', add(add(get('a0'), get('a1')), add(get('a2'), get('a3')))),
    set('x', `(f32x4.pmax ${get('x')} (f32x4.splat ${get('amin')}))`),
    // x = 2^e·m with m in [√½, √2): the bits of √½ are 0x3f3504f3.
    set('bits', `(i32x4.sub ${get('x')} (v128.const i32x4 ${Array(4).fill('0x3f3504f3').join(' ')}))`),
    set('e', `(i32x4.shr_s ${get('bits')} ${i32(23)})`),
    set('m', `(i32x4.sub ${get('x')} (i32x4.shl ${get('e')} ${i32(23)}))`),
    // ln m = 2·artanh(s), s = (m − 1)/(m + 1), |s| ≤ 0.1716; terms to s⁹ leave 2e-10.
    set('s', `(f32x4.div (f32x4.sub ${get('m')} ${constant(1)}) (f32x4.add ${get('m')} ${constant(1)}))`),
    set('z', mul(get('s'), get('s'))),
    set('m', constant((2 * Math.LOG2E) / 9)),
    ...[7, 5, 3].map((n) => set('m', add(mul(get('m'), get('z')), constant((2 * Math.LOG2E) / n)))),
    set('m', mul(mul(get('m'), get('z')), get('s'))),
    // The leading term apart, so that the small corrections round first.
    set('m', add(get('m'), mul(get('s'), constant(2 * Math.LOG2E)))),
    set('y', mul(`(f32x4.splat ${get('scale')})`, add(`(f32x4.convert_i32x4_s ${get('e')})`, get('m')))),
    // x − x is 0 for finite x, NaN otherwise: what is not finite must not come out as a plausible number.
    `(v128.store align=4 ${get('out')} ${add(get('y'), `(f32x4.sub ${get('x')} ${get('x')})`)})`,
    bump('out', get('outStride')),
  ];
  return `(func (export "melDecibels") (param $bins i32) (param $filter i32) (param $end i32) (param $weights i32)
    (param $out i32) (param $outStride i32) (param $amin f32) (param $scale f32)
    (local $bin i32) (local $stop i32)
    ${['a0', 'a1', 'a2', 'a3', 'x', 'bits', 'e', 'm', 's', 'z', 'y'].map((n) => `(local $${n} v128)`).join(' ')}
    ${loop('filters', body, 'filter', i32(8), 'end')})`;
};

/** The whole module as WebAssembly text. */
export function fftWat(): string {
  const passes = [2, 3, 4, 5].flatMap((radix) => [pass(radix, false), pass(radix, true)]);
  return `(module (import "host" "memory" (memory 1))
${[load(), ...passes, power(), magnitude(), mel()].join('\n')})\n`;
}
