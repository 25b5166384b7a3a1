/** @module earshot/pictures: spectrograms, confusion matrices and curves as SVG and PNG. Node only. */
export * from './classCurvesPicture.ts';
export { type ColourMapName, colourOf, colourTable, type Rgb } from './colourMap.ts';
export * from './confusionMatrixPicture.ts';
export * from './curvePicture.ts';
export * from './encodePng.ts';
export * from './heatMapPicture.ts';
export * from './intervalPicture.ts';
export * from './plotSvg.ts';
export * from './reliabilityPicture.ts';
export * from './saliencyPicture.ts';
export * from './spectrogramPicture.ts';
export { type Picture, pictureColours } from './svg.ts';
export * from './svgToPng.ts';
