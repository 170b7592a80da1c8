// Printed before anything is installed: plain Node.
export const HELP = `npm run demo                     a teacher, a student alone, the same student taught in three ways; one seed
npm run demo -- --quick          one method, SSIM
npm run demo -- --all            every method on any engine: without it one other than TensorFlow takes --quick
npm run demo -- --seeds 0,1,2    several seeds, and their mean
npm run demo -- --out FOLDER     where runs and table go (default: runs/demo, runs/demo-2, …)

The first call installs the packages and sets TensorFlow up. It runs on what KD_ENGINE names (tensorflow, wasm, webgpu,
cpu), else on the first of TensorFlow, a graphics card and WebAssembly that there is.
`;
