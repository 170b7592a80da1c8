// Which package may import which: arrows point one way, and nothing imports a plugin or a detector (the trainer meets
// them at run time).
// Tests may import more than what they test.
const from = (path) => ({ path: `^packages/${path}/src/`, pathNot: '\\.test\\.ts$' });
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
    only('testing', 'core|vision'),
    only('cli', 'core|data|detect|export|metrics|weights|report|engine-[^/]+|teacher-[^/]+'),
    only('detect', ''),
    only('create-plugin', ''),
    only('create-detector', 'create-plugin'),
    {
      name: 'browser',
      comment: 'What computes runs in browsers, too: nothing of Node is imported.',
      severity: 'error',
      from: from('(?:vision|metrics|plugin-[^/]+|detector-[^/]+|backbone-[^/]+)'),
      to: { dependencyTypes: ['core'] },
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
