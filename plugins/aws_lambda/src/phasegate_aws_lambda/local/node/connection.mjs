// The child's end of the socket pair: JSON behind a length of four bytes, and a part of a stream behind its message.

import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import { Worker } from 'node:worker_threads';

const LENGTH_BYTES = 4;
const MEBIBYTE = 1024 * 1024;

export class Connection {
  #writing;
  #reading;

  // A thread reads, so that the parent's death ends the process even while the handler keeps this one busy.
  constructor(descriptor) {
    this.#writing = new Socket({ fd: descriptor, readable: false, writable: true });
    this.#writing.on('error', () => {});
    this.#writing.unref();
    this.#reading = new Worker(new URL('./reader.mjs', import.meta.url), { workerData: descriptor });
    this.#reading.unref();
  }

  // Hands over the parent's next message; waiting for it keeps the process going.
  receive(take) {
    this.#reading.ref();
    this.#reading.once('message', (text) => {
      this.#reading.unref();
      take(JSON.parse(text));
    });
  }

  // Sends what ends an invocation. Peak memory goes with it.
  send(message, sent) {
    this.#write({ ...message, memory_mb: peakMemoryMb() }, Buffer.alloc(0), sent);
  }

  // Sends a part of a stream; `sent` is called once the parent has made room for it.
  sendPart(type, bytes, sent) {
    this.#write({ chunk: bytes.length, type }, bytes, sent);
  }

  #write(message, bytes, sent) {
    const text = Buffer.from(JSON.stringify(message));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(text.length);
    this.#writing.write(Buffer.concat([length, text, bytes]), sent);
  }
}

// Linux tells the peak in /proc; elsewhere what the system counts, the parent's share included, must do.
function peakMemoryMb() {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'));
    return Math.floor(Number(kibibytes) / 1024);
  } catch {
    return Math.floor((process.resourceUsage().maxRSS * 1024) / MEBIBYTE);
  }
}
