/** @module Published weights (Node): the catalogue, fetching by name, where they are kept. */
export * from './catalogue.ts';
export { fileSize, modelPath, modelsDirectory } from './modelFiles.ts';
export * from './pullModel.ts';
