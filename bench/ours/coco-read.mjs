// Opens a COCO file as a data set, in a process of its own: seconds, and the most memory that it took.
import { coco } from '@kd/data';
import { resident } from './resident.mjs';

const [file] = process.argv.slice(2);
const start = performance.now();
const { images } = await coco({ annotations: file, images: '.' }).open({ folder: '.' });
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({ images: images.length, seconds, processor: (user + system) / 1e6, mb: resident('VmHWM') }),
);
