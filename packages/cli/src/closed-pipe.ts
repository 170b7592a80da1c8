import { constants } from 'node:os';

/**
 * Output that nobody reads any more (`| head`, a terminal that was closed) is an error event of the stream in Node, and
 * ends the process with a stack. Here it is SIGPIPE, as for other programs: whoever listens to that may still end in
 * order, and everything else ends at once and silently.
 */
export function closedPipeAsSignal(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: Error & { readonly code?: string }) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    if (!process.emit('SIGPIPE', 'SIGPIPE')) process.exit(process.exitCode ?? 128 + constants.signals.SIGPIPE);
  });
}
