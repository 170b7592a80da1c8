import { element, made } from './element.js';

/** The camera's controls: which one, and whether it runs. */
export function camera(frame: (video: HTMLVideoElement) => Promise<void>, tell: (error: unknown) => void): void {
  const [choice, button] = [element('camera', HTMLSelectElement), element('film', HTMLButtonElement)];
  const hint = element('camera-hint', HTMLElement);
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true });
  let stream: MediaStream | null = null;

  const list = async (): Promise<void> => {
    const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
    const before = choice.value;
    choice.replaceChildren(
      ...devices.map(({ deviceId, label }, i) => {
        const option = made('option', label || `Camera ${i + 1}`);
        option.value = deviceId;
        return option;
      }),
    );
    if (devices.some(({ deviceId }) => deviceId === before)) choice.value = before;
    choice.disabled = button.disabled = devices.length === 0;
    hint.textContent = devices.length === 0 ? 'this machine has none' : '';
  };
  const stop = (): void => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    button.textContent = 'Start camera';
  };
  const start = async (): Promise<void> => {
    stop();
    const id = choice.value;
    stream = await navigator.mediaDevices.getUserMedia({ video: id === '' ? true : { deviceId: { exact: id } } });
    button.textContent = 'Stop camera';
    video.srcObject = stream;
    await video.play();
    await list(); // names are told once the camera may be used
    for (const own = stream; stream === own; ) {
      await frame(video);
      await new Promise(requestAnimationFrame);
    }
  };
  const guarded = (run: () => Promise<void>) => (): void =>
    void run().catch((error: unknown) => {
      stop();
      tell(error);
    });

  if (!globalThis.isSecureContext || !navigator.mediaDevices) {
    choice.disabled = button.disabled = true;
    hint.textContent = 'needs a secure address: https, or localhost';
    return;
  }
  button.addEventListener('click', () => (stream === null ? guarded(start)() : stop()));
  choice.addEventListener('change', () => stream !== null && guarded(start)());
  guarded(list)();
}
