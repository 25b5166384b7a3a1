// The borders between the folders of src/, as docs/architecture.md draws them. Each rule says why it is there.

/** Layers from the ground up. A folder imports its own layer's neighbours only where `beside` says so. */
const layers = [
  ['core'],
  ['files', 'parallel'],
  ['audio', 'onnx', 'metrics', 'statistics', 'models'],
  ['windows'],
  ['features', 'autodiff', 'runtime', 'weights', 'pictures', 'datasets', 'classifiers'],
  ['networks', 'extraction', 'explanation', 'zeroShot'],
  ['training', 'embeddings'],
  ['approaches', 'evaluation'],
  ['hypotheses'],
  ['workflows'],
  ['cli'],
];

/** Neighbours of one layer that know each other, one way. */
const beside = { pictures: ['features'] };

const reasons = {
  core: 'core is the ground: tensors, randomness, errors, progress. It knows nothing of the house above it.',
  files: 'files and parallel are plain Node tools: they know no sound and no graph.',
  parallel: 'files and parallel are plain Node tools: they know no sound and no graph.',
  audio:
    'audio turns bytes into samples: it needs no features, graphs or datasets, so a browser can take it alone.',
  onnx: 'onnx is graphs as data: no sound, no training, so that the codec and the builder stay usable anywhere.',
  metrics: 'metrics are numbers in, numbers out: whoever has predictions can use them, whatever made them.',
  statistics: 'statistics are numbers in, numbers out, like metrics.',
  models: 'models fetches published files by name: what is in them, weights and networks know.',
  windows:
    'windows are one notion of cutting sound, which features, training, embedders and models share: they know none of them.',
  features:
    'features turn samples into pictures, as functions and as nodes: they know no datasets and no networks.',
  autodiff:
    'autodiff knows graphs and nothing else: any ONNX model can be differentiated, not only our networks.',
  runtime: 'runtime runs any graph: it knows no network and no training.',
  weights: 'weights are bytes to named tensors: which network they fit is the business of networks.',
  pictures: 'pictures draw numbers: they know no datasets and no runs.',
  datasets:
    'datasets say which clip has which label, fold and recording: what is learnt from it is decided above.',
  classifiers:
    'classifiers take matrices and give labels: where the numbers come from, and what the labels mean, is decided above.',
  networks: 'networks are graph builders: how they are trained, and on what, is decided above.',
  explanation:
    'explanation asks a graph why: it differentiates any classifier, whatever network is inside, and opens no file.',
  extraction: 'extraction makes windows of features from clips: it serves any network.',
  training:
    'training makes steps from a network and windows; which approach and which scores is decided above.',
  embeddings:
    'embeddings are vectors of frozen networks and what is near what: which network, and what for, is decided above.',
  approaches: 'an approach is a choice of parts below it; workflows run it.',
  zeroShot:
    'zero-shot models take matrices and class vectors: which network made the numbers is decided above.',
  evaluation: "evaluation reads predictions, never a model's insides, so that scores replay from files.",
  hypotheses:
    'hypotheses measure sounds and test claims on them: which data set, and where the report goes, is decided above.',
  workflows:
    'workflows are the use cases; the faces (command line, later a server) call them, not the reverse.',
};

const upward = layers.slice(0, -1).flatMap((names, i) =>
  names.map((name) => {
    const allowed = [...layers.slice(0, i).flat(), name, ...(beside[name] ?? [])];
    const forbidden = layers.flat().filter((other) => !allowed.includes(other));
    return {
      name: `${name}-imports-from-below`,
      comment: reasons[name],
      severity: 'error',
      from: { path: `^src/${name}/` },
      to: { path: `^src/(${forbidden.join('|')})/` },
    };
  }),
);

/** Node-only files of audio/: file access and the ffmpeg process. Everything else there runs in a browser. */
const audioForNode = [
  ...['index', 'fileSource', 'readAudio', 'openSound', 'openMono', 'openUsableSound', 'readSound'],
  ...['probeFile', 'ffmpeg'],
];

/** Node-only files of classifiers/: fits on worker threads. */
const classifiersForNode = ['index', 'linearSvmThreads', 'linearSvmWorker'];

/** Modules of Node that browser-safe code must not even reach. */
const nodeModules = [
  ...['fs', 'path', 'os', 'url', 'module', 'crypto', 'zlib', 'stream', 'worker_threads', 'child_process'],
  ...['process', 'readline', 'perf_hooks', 'buffer', 'util'],
];

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that need each other cannot be understood, tested or loaded one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...upward,
    {
      name: 'evaluation-reads-predictions-only',
      comment:
        "Scores must replay from files: evaluation never sees a network, a graph or a model's insides.",
      severity: 'error',
      from: { path: '^src/evaluation/' },
      to: { path: '^src/(onnx|autodiff|runtime|weights|networks|explanation|extraction|training)/' },
    },
    {
      name: 'cli-is-thin',
      comment:
        'The command line parses, calls a workflow and prints. Beside workflows it takes the errors and events of core and the text forms of evaluation and datasets, nothing that computes.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/(?!cli/|workflows/|core/|evaluation/|datasets/)' },
    },
    {
      name: 'cli-loads-late',
      comment:
        'earshot --help must answer at once, so what computes is loaded by the command that runs, with import(). printEvaluation.ts and printComparison.ts are themselves loaded late.',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/print(Evaluation|Comparison)\\.ts$' },
      to: {
        path: '^src/(workflows|evaluation|datasets)/|cli-progress|cli-table3',
        dependencyTypesNot: ['dynamic-import', 'type-only'],
      },
    },
    {
      name: 'nobody-imports-cli',
      comment: 'The command line is a face: whatever others need from it belongs in a workflow.',
      severity: 'error',
      from: { pathNot: '^(src/cli/|bin/)' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'bin-checks-node-first',
      comment:
        'bin/earshot.js must load nothing before it has checked the version of Node: no static imports.',
      severity: 'error',
      from: { path: '^bin/' },
      // Before the first build dist/ is not there, and the path stays as it is written.
      to: { dependencyTypesNot: ['dynamic-import'], pathNot: '(^|/)dist/' },
    },
    {
      name: 'onnxruntime-only-in-runtime',
      comment:
        'One importer of the engine: another engine, or the browser one, is then a change in one folder.',
      severity: 'error',
      from: { pathNot: '^src/runtime/' },
      to: { path: 'onnxruntime-(node|web|common)' },
    },
    {
      name: 'browser-safe',
      comment: 'These folders run in a browser too, so they import nothing of Node.',
      severity: 'error',
      from: {
        path: '^src/(core|onnx|metrics|statistics|windows|features|autodiff|networks|explanation|zeroShot)/',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-safe-audio',
      comment:
        'Decoding and resampling run in a browser too; only reading by path and the system ffmpeg need Node.',
      severity: 'error',
      from: { path: '^src/audio/', pathNot: `^src/audio/(${audioForNode.join('|')})\\.ts$` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-safe-classifiers',
      comment: 'Classifiers are fitted and used in a browser too; only the worker threads need Node.',
      severity: 'error',
      from: {
        path: '^src/classifiers/',
        pathNot: `^src/classifiers/(${classifiersForNode.join('|')})\\.ts$`,
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-safe-embeddings',
      comment:
        'Embedders, pooling, similarity and file formats run in a browser too; only node/ reads files and starts threads.',
      severity: 'error',
      from: { path: '^src/embeddings/', pathNot: '^src/embeddings/(node/|index\\.ts$)' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-safe-all-the-way',
      comment: 'A browser-safe module that reaches a Node module through others is not browser-safe either.',
      severity: 'error',
      from: {
        path: '^src/(core|onnx|metrics|statistics|windows|features|autodiff|networks|explanation|zeroShot|audio|classifiers|embeddings)/',
        pathNot: `^src/(audio/(${audioForNode.join('|')})\\.ts$|classifiers/(${classifiersForNode.join('|')})\\.ts$|embeddings/(node/|index\\.ts$))`,
      },
      to: { reachable: true, path: `^(node:)?(${nodeModules.join('|')})(/|$)` },
    },
    {
      name: 'not-from-test-or-tools',
      comment: 'What is published must not lean on tests, benches or generators, which are not.',
      severity: 'error',
      from: { path: '^(src|bin)/' },
      to: { path: '^(test|tools|bench|examples)/' },
    },
    {
      name: 'no-development-dependencies',
      comment:
        'A published file that imports a development dependency fails on the first machine it is installed on.',
      severity: 'error',
      from: { path: '^(src|bin)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that does not resolve is a mistake or a missing dependency.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // Types count too: a border crossed by a type is crossed.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
