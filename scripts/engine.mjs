// `kd engine install`, before the command is built.
import { install } from '@kd/engine-tensorflow';

try {
  await install();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
