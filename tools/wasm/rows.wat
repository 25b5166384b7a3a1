;; Inner loops of the linear classifiers: a row of a matrix (float32 or float64) against a float64 vector, eight
;; elements a turn in four sums of two lanes. src/classifiers/rowKernel.ts does the same in the same order in
;; TypeScript; both give equal bits. Lengths are multiples of 8. Assemble with: npx tsx tools/wasm/rows.ts
(module
  (import "env" "memory" (memory 1))

  (func $sum (param $v0 v128) (param $v1 v128) (param $v2 v128) (param $v3 v128) (result f64)
    (local.set $v0 (f64x2.add
      (f64x2.add (local.get $v0) (local.get $v1))
      (f64x2.add (local.get $v2) (local.get $v3))))
    (f64.add (f64x2.extract_lane 0 (local.get $v0)) (f64x2.extract_lane 1 (local.get $v0))))

  ;; Sum over x[k]·w[k], x in float32; w runs up to $end.
  (func (export "dot32") (param $x i32) (param $w i32) (param $end i32) (result f64)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128)
    (loop $next
      (local.set $v0 (f64x2.add (local.get $v0) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))) (v128.load (local.get $w)))))
      (local.set $v1 (f64x2.add (local.get $v1) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))) (v128.load offset=16 (local.get $w)))))
      (local.set $v2 (f64x2.add (local.get $v2) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $x))) (v128.load offset=32 (local.get $w)))))
      (local.set $v3 (f64x2.add (local.get $v3) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $x))) (v128.load offset=48 (local.get $w)))))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 64))) (local.get $end))))
    (call $sum (local.get $v0) (local.get $v1) (local.get $v2) (local.get $v3)))

  (func (export "dot64") (param $x i32) (param $w i32) (param $end i32) (result f64)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128)
    (loop $next
      (local.set $v0 (f64x2.add (local.get $v0) (f64x2.mul
        (v128.load (local.get $x)) (v128.load (local.get $w)))))
      (local.set $v1 (f64x2.add (local.get $v1) (f64x2.mul
        (v128.load offset=16 (local.get $x)) (v128.load offset=16 (local.get $w)))))
      (local.set $v2 (f64x2.add (local.get $v2) (f64x2.mul
        (v128.load offset=32 (local.get $x)) (v128.load offset=32 (local.get $w)))))
      (local.set $v3 (f64x2.add (local.get $v3) (f64x2.mul
        (v128.load offset=48 (local.get $x)) (v128.load offset=48 (local.get $w)))))
      (local.set $x (i32.add (local.get $x) (i32.const 64)))
      (br_if $next (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 64))) (local.get $end))))
    (call $sum (local.get $v0) (local.get $v1) (local.get $v2) (local.get $v3)))

  ;; w += scale·x, x in float32.
  (func (export "add32") (param $x i32) (param $w i32) (param $end i32) (param $scale f64)
    (local $s v128)
    (local.set $s (f64x2.splat (local.get $scale)))
    (loop $next
      (v128.store (local.get $w) (f64x2.add (v128.load (local.get $w)) (f64x2.mul (local.get $s)
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))))))
      (v128.store offset=16 (local.get $w) (f64x2.add (v128.load offset=16 (local.get $w)) (f64x2.mul (local.get $s)
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))))))
      (v128.store offset=32 (local.get $w) (f64x2.add (v128.load offset=32 (local.get $w)) (f64x2.mul (local.get $s)
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $x))))))
      (v128.store offset=48 (local.get $w) (f64x2.add (v128.load offset=48 (local.get $w)) (f64x2.mul (local.get $s)
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $x))))))
      (local.set $x (i32.add (local.get $x) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 64))) (local.get $end)))))

  (func (export "add64") (param $x i32) (param $w i32) (param $end i32) (param $scale f64)
    (local $s v128)
    (local.set $s (f64x2.splat (local.get $scale)))
    (loop $next
      (v128.store (local.get $w) (f64x2.add (v128.load (local.get $w))
        (f64x2.mul (local.get $s) (v128.load (local.get $x)))))
      (v128.store offset=16 (local.get $w) (f64x2.add (v128.load offset=16 (local.get $w))
        (f64x2.mul (local.get $s) (v128.load offset=16 (local.get $x)))))
      (v128.store offset=32 (local.get $w) (f64x2.add (v128.load offset=32 (local.get $w))
        (f64x2.mul (local.get $s) (v128.load offset=32 (local.get $x)))))
      (v128.store offset=48 (local.get $w) (f64x2.add (v128.load offset=48 (local.get $w))
        (f64x2.mul (local.get $s) (v128.load offset=48 (local.get $x)))))
      (local.set $x (i32.add (local.get $x) (i32.const 64)))
      (br_if $next (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 64))) (local.get $end)))))
)
