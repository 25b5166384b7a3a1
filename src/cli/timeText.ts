/** @file Times as people read them. */

/** Time left: `8 s`, `2 min 05 s`, `1 h 03 min`. */
export function timeLeftText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** A position in a recording: `0:07.5`, `1:02:07.5`. */
export function positionText(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10));
  const s = `${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
  const minutes = Math.floor(tenths / 600);
  return minutes < 60
    ? `${minutes}:${s}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${s}`;
}
