const { builtinModules } = require('node:module');

// Which package may import which: arrows point one way, and nothing imports a plugin or a detector (the trainer meets
// them at run time).
// Tests may import more than what they test.
const from = (path) => ({ path: `^packages/${path}/src/`, pathNot: '\\.test\\.ts$' });
/** Packages that compute, and ask nothing of a machine. */
const COMPUTES = 'vision|metrics|plugin-[^/]+|detector-[^/]+|backbone-[^/]+';
const packages = (names) => `^packages/(?:${names})/`;

const only = (name, allowed) => ({
  name: `${name.replaceAll(/[^\w-]/g, '')}-imports`,
  comment: `${name} may import ${allowed === '' ? 'no other package of this workspace' : allowed.replaceAll('|', ', ')}.`,
  severity: 'error',
  from: from(`(${name})`),
  to: { path: '^packages/', pathNot: ['^packages/$1/', ...(allowed === '' ? [] : [packages(allowed)])] },
});

module.exports = {
  forbidden: [
    only('core', ''),
    only('vision', 'core'),
    only('data|metrics|weights|engine-[^/]+|report', 'core'),
    only('plugin-[^/]+', 'core|vision'),
    only('detector-[^/]+', 'core|vision'),
    only('backbone-[^/]+', 'core|vision'),
    only('teacher-[^/]+', 'core'),
    only('export', 'core|vision|weights'),
    only('testing', 'core|vision|engine-cpu'),
    only('cli', 'core|data|detect|export|metrics|weights|report|engine-[^/]+|teacher-[^/]+'),
    only('detect', ''),
    only('create-plugin', ''),
    only('create-detector', 'create-plugin'),
    {
      name: 'browser',
      comment: 'What computes runs in browsers, too: what is of Node is imported by `src/host/node` alone, as #host/….',
      severity: 'error',
      from: {
        path: `^packages/(?:core|weights|engine-cpu|engine-wasm|engine-webgpu|${COMPUTES})/src/`,
        pathNot: ['\\.test\\.ts$', '/src/host/node/', '^packages/core/src/wheels/', '/src/read-thread\\.ts$'],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'browser-entry',
      comment: 'Nor can it be reached from what a bundler takes for a browser. Most of this package reads files.',
      severity: 'error',
      from: { path: '^packages/data/src/(?:browser\\.ts|host/browser/)' },
      to: { reachable: true, path: `^(?:${builtinModules.join('|')})$|/node_modules/(?:sharp|tinyglobby)/` },
    },
    {
      name: 'host',
      comment: 'The twin for Node is imported as #host/…, which is the one for browsers there.',
      severity: 'error',
      from: {
        path: '^packages/([^/]+)/src/',
        pathNot: ['\\.test\\.ts$', '/src/host/', '^packages/core/src/wheels/'],
      },
      to: { path: '^packages/$1/src/host/[^/]+/' },
    },
    {
      name: 'no-cycles',
      comment: 'No circle of imports, of types neither: a type that two files share has a file of its own.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { circular: true },
    },
    {
      name: 'declared',
      comment: 'What is imported stands in the package.json of the package.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['node_modules/(?!@kd/)', '/native/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
