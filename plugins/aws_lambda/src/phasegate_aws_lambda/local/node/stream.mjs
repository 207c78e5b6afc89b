// What a streaming handler writes to.

import { Writable } from 'node:stream';

import { InvalidStreamingOperation } from './errors.mjs';

const INTEGRATION_TYPE = 'application/vnd.awslambda.http-integration-response';
const DEFAULT_TYPE = 'application/octet-stream';
const SEPARATOR = new Uint8Array(8);
const PART_BYTES = 65_536;

// As on AWS the first `write` alone brings a head along: a body without any byte takes a `write('')`.
export class ResponseStream extends Writable {
  #send;
  #type = DEFAULT_TYPE;
  #begun = false;

  // `send` takes a type, bytes, and what to call once there is room for more.
  constructor(send, highWaterMark) {
    super({ highWaterMark });
    this.#send = send;
  }

  setContentType(type) {
    if (this.#begun) throw new InvalidStreamingOperation('Cannot set content-type, too late.');
    this.#type = type;
  }

  write(chunk, ...rest) {
    if (!this.#begun) {
      this.#begun = true;
      this._onBeforeFirstWrite?.((part) => super.write(part));
    }
    return super.write(isBytes(chunk) ? chunk : JSON.stringify(chunk), ...rest);
  }

  _write(chunk, _encoding, written) {
    this.#begun = true;
    for (let at = PART_BYTES; at < chunk.length; at += PART_BYTES) {
      this.#send(this.#type, chunk.subarray(at - PART_BYTES, at));
    }
    const last = Math.max(0, Math.ceil(chunk.length / PART_BYTES) - 1) * PART_BYTES;
    this.#send(this.#type, chunk.subarray(last), () => written());
  }
}

// Puts an HTTP response's head before what is written to a stream.
export class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(INTEGRATION_TYPE);
    const head = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(head);
      write(SEPARATOR);
    };
    return stream;
  }
}

function isBytes(chunk) {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}
