{
  "name": "{{package}}",
  "version": "0.1.0",
  "description": "{{description}}",
  "license": "MIT",
  "type": "module",
  "keywords": ["kd-teacher"],
  "kd": { "kind": "teacher", "name": "{{name}}", "apiVersion": 1 },
  "exports": {
    ".": { "types": "./dist/index.d.ts", "default": "./dist/index.js" },
    "./package.json": "./package.json"
  },
  "files": ["dist"],
  "sideEffects": false,
  "engines": { "node": ">=20.19" },
  "scripts": {
    "build": "tsc",
    "test": "vitest run",
    "train": "kd train kd.config.ts --out runs/first"
  },
  "dependencies": { "valibot": "{{^valibot}}" },
  "peerDependencies": { "@kd/core": "{{^@kd/core}}", "@tensorflow/tfjs-core": "{{^@tensorflow/tfjs-core}}" },
  "devDependencies": {
    "@kd/cli": "{{^@kd/cli}}",
    "@kd/core": "{{^@kd/core}}",
    "@kd/detector-retinanet": "{{^@kd/detector-retinanet}}",
    "@kd/engine-tensorflow": "{{^@kd/engine-tensorflow}}",
    "@kd/plugin-pkd": "{{^@kd/plugin-pkd}}",
    "@kd/testing": "{{^@kd/testing}}",
    "@tensorflow/tfjs-core": "{{=@tensorflow/tfjs-core}}",
    "@tensorflow/tfjs-layers": "{{=@tensorflow/tfjs-layers}}",
    "typescript": "{{=typescript}}",
    "vitest": "{{=vitest}}"
  }
}
