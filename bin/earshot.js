#!/usr/bin/env node
// Checks the runtime before anything else is loaded, so that an old Node gets a sentence and no syntax error.
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(`Earshot needs Node 20 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
import('../dist/program/main.js').then(
  ({ main }) => main(process.argv.slice(2)),
  (error) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND' && String(error.message).includes('dist')) {
      console.error('Earshot is not built yet: run `npm run build` in its folder first.');
      if (process.env.EARSHOT_DEBUG) console.error(error);
    } else {
      console.error(error);
    }
    process.exitCode = 1;
  },
);
