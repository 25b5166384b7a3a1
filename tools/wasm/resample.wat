;; Inner loop of the resampler: dot products of input samples with rows of a filter table, 16 taps a turn in
;; four independent vector sums. src/audio/resampleKernel.ts does the same in the same order in TypeScript; both
;; give equal bits. Assemble with: npx tsx tools/wasm/resample.ts
(module
  (import "env" "memory" (memory 1))

  ;; Sum over c[k]·x[k]; c runs up to $end. The number of taps is a multiple of 16.
  (func $dot (param $c i32) (param $x i32) (param $end i32) (result f32)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128)
    (loop $next
      (local.set $v0 (f32x4.add (local.get $v0)
        (f32x4.mul (v128.load (local.get $c)) (v128.load (local.get $x)))))
      (local.set $v1 (f32x4.add (local.get $v1)
        (f32x4.mul (v128.load offset=16 (local.get $c)) (v128.load offset=16 (local.get $x)))))
      (local.set $v2 (f32x4.add (local.get $v2)
        (f32x4.mul (v128.load offset=32 (local.get $c)) (v128.load offset=32 (local.get $x)))))
      (local.set $v3 (f32x4.add (local.get $v3)
        (f32x4.mul (v128.load offset=48 (local.get $c)) (v128.load offset=48 (local.get $x)))))
      (local.set $x (i32.add (local.get $x) (i32.const 64)))
      (br_if $next (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 64))) (local.get $end))))
    (local.set $v0 (f32x4.add
      (f32x4.add (local.get $v0) (local.get $v1))
      (f32x4.add (local.get $v2) (local.get $v3))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $v0)) (f32x4.extract_lane 1 (local.get $v0)))
      (f32.add (f32x4.extract_lane 2 (local.get $v0)) (f32x4.extract_lane 3 (local.get $v0)))))

  ;; $count outputs, a table row for each of $phases phases. All addresses and $rowBytes are in bytes;
  ;; from output to output the input advances by $whole samples and $part/$phases of one.
  (func (export "everyPhase")
    (param $table i32) (param $rowBytes i32) (param $input i32) (param $output i32) (param $count i32)
    (param $phase i32) (param $phases i32) (param $whole i32) (param $part i32)
    (local $row i32) (local $last i32)
    (local.set $last (i32.add (local.get $output) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $row (i32.add (local.get $table) (i32.mul (local.get $phase) (local.get $rowBytes))))
      (f32.store (local.get $output)
        (call $dot (local.get $row) (local.get $input) (i32.add (local.get $row) (local.get $rowBytes))))
      (local.set $input (i32.add (local.get $input) (i32.shl (local.get $whole) (i32.const 2))))
      (local.set $phase (i32.add (local.get $phase) (local.get $part)))
      (if (i32.ge_u (local.get $phase) (local.get $phases))
        (then
          (local.set $phase (i32.sub (local.get $phase) (local.get $phases)))
          (local.set $input (i32.add (local.get $input) (i32.const 4)))))
      (br_if $next (i32.lt_u
        (local.tee $output (i32.add (local.get $output) (i32.const 4))) (local.get $last)))))

  ;; As above with a coarser table: $rowsPerPhase rows to a phase (a fraction), linear between two rows.
  (func (export "betweenRows")
    (param $table i32) (param $rowBytes i32) (param $input i32) (param $output i32) (param $count i32)
    (param $phase i32) (param $phases i32) (param $whole i32) (param $part i32) (param $rowsPerPhase f64)
    (local $row i32) (local $last i32) (local $position f64) (local $index i32) (local $low f32)
    (local.set $last (i32.add (local.get $output) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $position (f64.mul (f64.convert_i32_u (local.get $phase)) (local.get $rowsPerPhase)))
      (local.set $index (i32.trunc_f64_u (local.get $position)))
      (local.set $row (i32.add (local.get $table) (i32.mul (local.get $index) (local.get $rowBytes))))
      (local.set $low
        (call $dot (local.get $row) (local.get $input) (i32.add (local.get $row) (local.get $rowBytes))))
      (local.set $row (i32.add (local.get $row) (local.get $rowBytes)))
      (f32.store (local.get $output)
        (f32.add (local.get $low)
          (f32.mul
            (f32.demote_f64 (f64.sub (local.get $position) (f64.convert_i32_u (local.get $index))))
            (f32.sub
              (call $dot (local.get $row) (local.get $input) (i32.add (local.get $row) (local.get $rowBytes)))
              (local.get $low)))))
      (local.set $input (i32.add (local.get $input) (i32.shl (local.get $whole) (i32.const 2))))
      (local.set $phase (i32.add (local.get $phase) (local.get $part)))
      (if (i32.ge_u (local.get $phase) (local.get $phases))
        (then
          (local.set $phase (i32.sub (local.get $phase) (local.get $phases)))
          (local.set $input (i32.add (local.get $input) (i32.const 4)))))
      (br_if $next (i32.lt_u
        (local.tee $output (i32.add (local.get $output) (i32.const 4))) (local.get $last))))))
