# {{package}}

{{description}}. It starts out as mixtures of the colours of every cell; put your own network into `src/index.ts`.

## Install

    pnpm add {{package}}

Beside it `@kd/core` and `@tensorflow/tfjs-core`, which a project that trains has anyway. ESM only.

## Use

```ts
teacher: ['{{name}}', { input: { fixedSize: [224, 224], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } }];
```

## Options

| option | default | what |
|---|---|---|
| `input` | | how images become its input: `fixedSize`, or `minSize` and `maxSize`; `mean` and `std`; `range`, `channels`, `layout` |
| `taps` | all | a list of names of maps, with `*` for any text, or `{ name: 'name of a map' }` |
| `channels` | 8 | channels of the maps |

## Notes

To work on it: `pnpm test` runs the contract suite of @kd, `pnpm train` trains a student on drawn pictures, `pnpm build` makes what is published.
