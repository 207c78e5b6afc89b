// The thread that reads what the parent sends, and ends the process when the parent is gone.

import { Socket } from 'node:net';
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';

const LENGTH_BYTES = 4;

class Frames {
  #blocks = [];
  #size = 0;

  *feed(block) {
    this.#blocks.push(block);
    this.#size += block.length;
    for (let length = this.#wanted(); length !== null && this.#size >= length; length = this.#wanted()) {
      yield this.#take(length).toString('utf8', LENGTH_BYTES);
    }
  }

  // How many bytes the next message has with its length, null while that is not here.
  #wanted() {
    if (this.#size < LENGTH_BYTES) return null;
    if (this.#blocks[0].length < LENGTH_BYTES) this.#blocks = [Buffer.concat(this.#blocks)];
    return LENGTH_BYTES + this.#blocks[0].readUInt32BE();
  }

  #take(length) {
    const all = Buffer.concat(this.#blocks);
    this.#blocks = [all.subarray(length)];
    this.#size -= length;
    return all.subarray(0, length);
  }
}

// Ends this process and what the handler has started; the parent gave it a process group of its own.
function endWithHelpers() {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    process.kill(process.pid, 'SIGKILL');
  }
}

const frames = new Frames();
const socket = new Socket({ fd: workerData, readable: true, writable: false });
socket.on('data', (block) => {
  for (const message of frames.feed(block)) parentPort.postMessage(message);
});
socket.on('error', endWithHelpers);
socket.on('end', endWithHelpers);
