{
  "name": "{{package}}",
  "version": "0.1.0",
  "description": "{{description}}",
  "license": "MIT",
  "type": "module",
  "keywords": ["kd-plugin"],
  "kd": { "kind": "distiller", "name": "{{name}}", "apiVersion": 1 },
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
    "teacher": "kd train teacher.config.ts --out runs/teacher",
    "train": "kd train kd.config.ts --out runs/student"
  },
  "dependencies": { "valibot": "{{^valibot}}" },
  "peerDependencies": { "@kd/core": "{{^@kd/core}}", "@tensorflow/tfjs-core": "{{^@tensorflow/tfjs-core}}" },
  "devDependencies": {
    "@kd/cli": "{{^@kd/cli}}",
    "@kd/core": "{{^@kd/core}}",
    "@kd/detector-retinanet": "{{^@kd/detector-retinanet}}",
    "@kd/engine-tensorflow": "{{^@kd/engine-tensorflow}}",
    "@kd/testing": "{{^@kd/testing}}",
    "@tensorflow/tfjs-core": "{{=@tensorflow/tfjs-core}}",
    "@tensorflow/tfjs-layers": "{{=@tensorflow/tfjs-layers}}",
    "typescript": "{{=typescript}}",
    "vitest": "{{=vitest}}"
  }
}
