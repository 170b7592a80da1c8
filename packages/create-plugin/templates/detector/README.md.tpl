# {{package}}

{{description}}. It starts out as a one-stage detector with one square anchor a cell; put your own into `src/index.ts`.

## Install

    pnpm add {{package}}

Beside it `@kd/core`, `@tensorflow/tfjs-core` and `@tensorflow/tfjs-layers`, which a project that trains has anyway. ESM only.

## Use

```ts
student: ['{{name}}', { anchorScale: 4 }];
```

## Options

| option | default | what |
|---|---|---|
| `anchorScale` | 4 | side of a cell's square anchor, in strides |
| `depth` | 4 | blocks of a tower |
| `iou` | 0.5 | IoU from which on an anchor is positive |
| `backbone`, `norm`, `fpnChannels`, `extra`, `input`, … | as of `@kd/detector-retinanet` | |

## Notes

To work on it: `pnpm test` runs the contract suite of @kd, `pnpm train` trains on drawn pictures, `pnpm build` makes what is published.
