/** @file Where the numbers of a picture lie in frequency and time. */

/** What the rows and columns of a picture stand for. */
export interface FrontEndAxes {
  /** The middle of each row in Hz, ascending, shape [nMels]. */
  readonly hertz: Float64Array;
  /** The middle of the first frame, counted from the first sample, and from one frame to the next. */
  readonly firstSeconds: number;
  readonly stepSeconds: number;
}
