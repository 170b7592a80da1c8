# {{package}}

{{description}}. It starts out as a loss on the angle between the features of student and teacher; put your own into `src/index.ts`.

## Install

    pnpm add {{package}}

Beside it `@kd/core` and `@tensorflow/tfjs-core`, which a project that trains has anyway. ESM only.

## Use

```ts
distillers: [['{{name}}', { weight: 2 }]];
```

## Options

| option | default | what |
|---|---|---|
| `weight` | 1 | factor of the term |
| `adapter` | `none` | `conv1x1` where student and teacher differ in width |
| `schedule` | `{}` | `start`, `stop`, `warmup` in steps; `decay`: `none`, `linear` or `epoch` |

## Notes

To work on it: `pnpm test` runs the contract suite of @kd, `pnpm teacher` and `pnpm train` train a small teacher and a student on drawn pictures, `pnpm build` makes what is published.
