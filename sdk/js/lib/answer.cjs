'use strict';

const { TacitError, failure } = require('./errors.cjs');

/** What a service answered. Any status is an answer; ok says whether it is one of 200 to 299. */
class Answer {
  constructor(a) {
    this.capability = a.capability;
    this.credential = a.credential;
    this.status = a.status;
    this.headers = a.headers;
    /** JSON as what it stands for, other text as a string, anything else as a Buffer. */
    this.body = a.body ?? a.body_text ?? (a.body_base64 == null ? a.body : Buffer.from(a.body_base64, 'base64'));
    this.redactions = a.redactions;
    this.durationMs = a.duration_ms;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }
}

/** An answer whose body comes while it is read: `for await (const piece of answer)`. One that breaks off throws, so that nobody takes half of it for all. */
class StreamedAnswer {
  #stream;

  constructor(stream) {
    this.#stream = stream;
    this.capability = stream.head.capability;
    this.credential = stream.head.credential;
    this.status = stream.head.status;
    this.headers = Object.fromEntries(Object.entries(stream.head.headers).map(([name, values]) => [name.toLowerCase(), values]));
    /** How many places of the answer held the secret and were replaced; known at its end. */
    this.redactions = null;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  async *[Symbol.asyncIterator]() {
    yield* this.#stream.body;
    const end = endOf(this.#stream.trailers()['tacit-end']);
    if (!end) throw failure('unavailable', `${this.capability}: the answer broke off`);
    this.redactions = end.redactions;
    if (end.problem) throw TacitError.ofProblem(end.problem);
  }

  /** lines gives the body's lines, without their ends: events of text/event-stream, JSON lines. */
  async *lines() {
    const decoder = new TextDecoder();
    let begun = '';
    for await (const piece of this) {
      const lines = (begun + decoder.decode(piece, { stream: true })).split('\n');
      begun = lines.pop();
      for (const line of lines) yield line.replace(/\r$/, '');
    }
    begun += decoder.decode();
    if (begun !== '') yield begun;
  }

  async bytes() {
    const pieces = [];
    for await (const piece of this) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async text() {
    return (await this.bytes()).toString('utf8');
  }

  async json() {
    return JSON.parse(await this.text());
  }

  /** cancel ends the answer; the service is told. Leaving a `for await` early does the same. */
  cancel() {
    this.#stream.cancel();
  }
}

/** endOf reads the trailer Tacit-End; null: it is none. */
function endOf(trailer) {
  try {
    return JSON.parse(Buffer.from(trailer, 'base64').toString('utf8'));
  } catch {
    return null;
  }
}

module.exports = { Answer, StreamedAnswer };
